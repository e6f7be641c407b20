import assert from "node:assert/strict";
import { test } from "node:test";
import { appendHtml, findAll, finder, html, raw, setHtml } from "../../denoiser/web/shell/html.js";

const element = () => ({
  innerHTML: "",
  insertAdjacentHTML(_, text) {
    this.innerHTML += text;
  },
});
const written = (markup) => {
  const e = element();
  setHtml(e, markup);
  return e.innerHTML;
};

test("what is filled in is escaped", () => {
  const escaped = "&lt;img src=x onerror=&quot;alert(&#39;&amp;&#39;)&quot;&gt;";
  const name = `<img src=x onerror="alert('&')">`;
  assert.equal(written(html`<b title="${name}">${name}</b>`), `<b title="${escaped}">${escaped}</b>`);
});

test("markup inside markup stays markup, and lists are joined", () => {
  assert.equal(
    written(html`<b>${["<", ">"].map((text) => html`<i>${text}</i>`)}</b>`),
    "<b><i>&lt;</i><i>&gt;</i></b>",
  );
  assert.equal(written([html`<i></i>`, raw("<b></b>")]), "<i></i><b></b>");
});

test("null is empty; 0 and false are not", () => {
  assert.equal(written(html`${null}${undefined}|${0}|${false}`), "|0|false");
});

test("nothing but markup is written", () => {
  for (const text of ["<b>", 1, null, ["<b>"], { text: "<b>" }]) {
    assert.throws(() => setHtml(element(), text), TypeError);
    assert.throws(() => appendHtml(element(), text), TypeError);
  }
});

test("an element is found by its selector, and must be there and of its class", () => {
  class Canvas {}
  class Button {}
  const canvas = new Canvas();
  const parent = {
    querySelector: (selector) => (selector === "canvas" ? canvas : null),
    querySelectorAll: (selector) => (selector === "canvas" ? [canvas, canvas] : []),
  };
  const find = finder(parent);
  assert.equal(find("canvas", Canvas), canvas);
  assert.throws(() => find("canvas", Button), { message: "canvas is no Button" });
  assert.throws(() => find(".save", Button), { message: "there is no .save" });
  assert.deepEqual(findAll(parent, "canvas", Canvas), [canvas, canvas]);
  assert.deepEqual(findAll(parent, ".save", Button), []);
  assert.throws(() => findAll(parent, "canvas", Button), { message: "canvas is no Button" });
});
