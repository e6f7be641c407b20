/* Display names of models. */
import assert from "node:assert/strict";
import { test } from "node:test";
import "./browser.js";

const { displayName } = await import("../../denoiser/web/shell/model_names.js");

test("a label is enough where no other model has it", () => {
  const unet = { name: "unet", label: "U-Net" };
  const dense = { name: "dense-16", label: "Dense" };
  assert.equal(displayName(unet, [unet, dense]), "U-Net");
  assert.equal(displayName(dense, [unet, dense]), "Dense");
});

test("models of one family are told apart, those without a text by their names", () => {
  const models = ["dense-16", "dense-32", "my-own"].map((name) => ({ name, label: "Dense" }));
  const names = models.map((model) => displayName(model, models));
  assert.equal(new Set(names).size, 3);
  assert.equal(names[2], "my-own");
});
