import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const { skipsOf } = await import("../../denoiser/web/models/flow.js");

test("skip connections join stages of one depth with deeper ones between them", () => {
  assert.deepEqual(skipsOf([0, 1, 2, 1, 0]), [
    [0, 4],
    [1, 3],
  ]);
  assert.deepEqual(skipsOf([0, 0, 1, 1]), []);
  assert.deepEqual(skipsOf([1, 0, 1]), []); // what lies between is larger
});
