/* Texts by key, in both languages. */
import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const english = await import("../../denoiser/web/shell/i18n.js");
Object.defineProperty(navigator, "language", { value: "zh-CN", configurable: true });
// @ts-ignore: a second copy of the module, for the other language
const chinese = await import("../../denoiser/web/shell/i18n.js?zh");
await chinese.textsLoaded;

test("a key's text has its values in their places", () => {
  assert.equal(english.t("denoise.pad.clear"), "Clear");
  assert.equal(chinese.t("denoise.pad.clear"), "清空");
  assert.equal(english.t("common.countOf", 3, 12), "3 of 12");
  assert.equal(chinese.t("common.countOf", 3, 12), "12 个中的 3 个");
});

test("a key without a text is shown itself", () => {
  assert.equal(english.t("denoise.pad.nothing"), "denoise.pad.nothing");
});

test("markup of a text stays, what is filled in is escaped", () => {
  const { text } = english.tHtml("latent.drawnDigit.decodesToOther", "<i>", 7);
  assert.equal(text, "Even without noise it decodes to <b>&lt;i&gt;</b>, not 7.");
});

test("a text of the server's has texts among its values", () => {
  const params = [{ key: "noise.gaussian.label" }, "0.5"];
  assert.equal(english.localize({ key: "record.noise.one", params }), "Gaussian 0.5");
  assert.equal(chinese.localize({ key: "record.noise.one", params }), "高斯 0.5");
  assert.equal(chinese.localize("somebody's own title"), "somebody's own title");
  assert.equal(english.localize({ key: "error.noModel" }), "There is no such model.");
});

test("a template's texts and labels are put into the visitor's language", () => {
  const node = { nodeType: Node.TEXT_NODE, data: " Undo" };
  const button = { dataset: { t: "common.undo" }, childNodes: [{ nodeType: 1 }, node] };
  const attributes = { "data-t-title": "denoise.pad.upload", title: "Upload" };
  const link = {
    getAttribute: (name) => attributes[name],
    setAttribute: (name, value) => (attributes[name] = value),
  };
  const found = { "[data-t]": [button], "[data-t-title]": [link] };
  const element = { querySelectorAll: (selector) => found[selector] ?? [] };
  english.translateElement(element);
  assert.deepEqual([node.data, attributes.title], [" Undo", "Upload"]);
  chinese.translateElement(element);
  assert.deepEqual([node.data, attributes.title], ["撤销", "上传"]);
});
