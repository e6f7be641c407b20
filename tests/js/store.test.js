import "./browser.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const { on, set, state } = await import("../../denoiser/web/shell/store.js");
const { hasInk, redo, rememberDrawing, setDrawing, undo } = await import("../../denoiser/web/shell/drawing.js");

const STROKE = [[0.5, 0.5, 0, 0]];

beforeEach(() => {
  setDrawing({});
  set({ past: [], future: [] });
});

test("a component hears of its own keys only, and at once when it begins", () => {
  const heard = [];
  on("kind seed", ({ kind, seed }) => heard.push([kind, seed]));
  set({ kind: "speckle" });
  set({ factor: 0.1 });
  set({ seed: 1, factor: 0.2 });
  assert.deepEqual(heard, [
    ["gaussian", 4271],
    ["speckle", 4271],
    ["speckle", 1],
  ]);
});

test("a drawing is undone and redone", () => {
  rememberDrawing();
  setDrawing({ strokes: [STROKE] });
  rememberDrawing();
  setDrawing({ nonDigit: "noise" });
  undo();
  assert.deepEqual(state.strokes, [STROKE]);
  undo();
  assert.equal(hasInk(), false);
  undo();
  redo();
  redo();
  assert.deepEqual([state.strokes, state.nonDigit], [[], "noise"]);
  redo();
  assert.equal(state.nonDigit, "noise");
});

test("every change of the drawing counts", () => {
  const { version } = state;
  setDrawing({ strokes: [STROKE] });
  assert.equal(state.version, version + 1);
});
