/* What the page of possible originals counts from pictures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  average,
  blend,
  byVotes,
  countVotes,
  doubt,
  inked,
  nearest,
  psnr,
  shareRight,
  sharpness,
} from "../../denoiser/web/originals/figures.js";

const flat = (value) => new Uint8Array(784).fill(value);

test("average and doubt of pictures", () => {
  assert.equal(average([flat(0), flat(255)])[5], 127.5);
  assert.equal(doubt([flat(0), flat(255)])[5], 0.5);
  assert.equal(doubt([flat(9), flat(9)])[5], 0);
  assert.equal(inked([flat(0), flat(200), flat(128)], 3), 2);
});

test("a blend lies on the line between two pictures", () => {
  assert.equal(blend(flat(100), flat(200), 0)[0], 100);
  assert.equal(blend(flat(100), flat(200), 0.5)[0], 150);
  assert.equal(blend(flat(100), flat(200), 1)[0], 200);
});

test("PSNR is in decibels of full ink", () => {
  assert.equal(psnr(flat(7), flat(7)), Infinity);
  assert.ok(Math.abs(psnr(flat(0), flat(255))) < 1e-9);
  assert.ok(Math.abs(psnr(flat(0), flat(25.5)) - 20.2) < 0.1);
});

test("a flat picture has no sharpness, an edge has some", () => {
  assert.equal(sharpness(flat(90)), 0);
  const edge = Uint8Array.from({ length: 784 }, (_, i) => (i % 28 < 14 ? 255 : 0));
  assert.ok(sharpness(edge) > 0.05);
});

test("votes are counted, and pictures of the winner come first", () => {
  const reads = [3, 5, 5, 3, 5, 8].map((digit) => [digit, 0.9]);
  assert.deepEqual(countVotes(reads), [
    [5, 3],
    [3, 2],
    [8, 1],
  ]);
  assert.deepEqual(byVotes(reads), [1, 2, 4, 0, 3, 5]);
  assert.deepEqual(
    byVotes([
      [1, 1],
      [0, 1],
    ]),
    [1, 0],
  );
});

const bins = (right) => Array.from({ length: 10 }, (_, i) => [i === 9 ? 100 : 5, i / 10 + 0.05, right]);
const rows = [
  { kind: "gaussian", factor: 0.5, bins: bins(0.9) },
  { kind: "gaussian", factor: 1, bins: bins(0.7) },
];

test("how often votes like these were right, where enough digits were measured", () => {
  assert.equal(shareRight(rows, "gaussian", 0.95, 1, 20), 0.7);
  assert.equal(shareRight(rows, "gaussian", 0.5, 11 / 12, 20), 0.9);
  assert.equal(shareRight(rows, "gaussian", 0.5, 0.5, 20), null);
  assert.equal(shareRight(rows, "speckle", 0.5, 1, 20), null);
  assert.equal(shareRight(null, "gaussian", 0.5, 1, 20), null);
});

test("figures of another noise factor are not shown", () => {
  assert.equal(nearest(rows, "gaussian", 0.75), null);
  assert.equal(nearest(rows, "gaussian", 0.6).factor, 0.5);
});
