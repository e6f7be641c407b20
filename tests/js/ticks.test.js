import assert from "node:assert/strict";
import { test } from "node:test";
import { decadeTicks, linearTicks, logTicks } from "../../denoiser/web/shell/ticks.js";

test("linear ticks are multiples of 1, 2 or 5 times a power of ten, within the range", () => {
  assert.deepEqual(linearTicks(1, 10, 5), [2, 4, 6, 8, 10]);
  assert.deepEqual(linearTicks(3, 41, 5), [10, 20, 30, 40]);
  assert.deepEqual(
    linearTicks(0.071, 0.094, 5).map((tick) => +tick.toPrecision(6)),
    [0.075, 0.08, 0.085, 0.09],
  );
});

test("a logarithmic axis has at least three ticks, as few as possible", () => {
  assert.deepEqual(logTicks(0.5, 2000), [1, 10, 100, 1000]);
  assert.deepEqual(logTicks(1, 6), [1, 2, 5]);
  assert.deepEqual(logTicks(6, 22), [7, 10, 15, 20]);
});

test("ticks of a decade are the mantissas times its power of ten", () => {
  assert.deepEqual(decadeTicks(2, 60, [1, 5]), [5, 10, 50]);
});
