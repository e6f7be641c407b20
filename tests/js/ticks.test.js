import assert from "node:assert/strict";
import { test } from "node:test";
import { decadeTicks } from "../../denoiser/web/train/ticks.js";

test("ticks of a decade are the mantissas times its power of ten", () => {
  assert.deepEqual(decadeTicks(2, 60, [1, 5]), [5, 10, 50]);
});
