import assert from "node:assert/strict";
import { test } from "node:test";

const { placeLabel } = await import("../../denoiser/web/latent/map/map_labels.js");

const VIEW = { width: 600, height: 400 };
const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

test("labels of one place never cover each other, nor what stands there, and stay in view", () => {
  for (const anchor of [
    [300, 200],
    [2, 2],
    [598, 398],
    [300, 1],
  ]) {
    const taken = [{ x: anchor[0] - 12, y: anchor[1] - 12, w: 24, h: 24 }];
    for (const w of [90, 120, 60]) {
      const box = placeLabel(anchor, { w, h: 22 }, VIEW, taken);
      assert.ok(!taken.some((other) => overlap(box, other)), `${anchor} ${w}`);
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + w <= VIEW.width && box.y + 22 <= VIEW.height);
      taken.push(box);
    }
  }
});

test("where there is no room a label covers as little as it can", () => {
  const everywhere = [{ x: 0, y: 0, w: 600, h: 400 }];
  assert.ok(placeLabel([300, 200], { w: 80, h: 22 }, VIEW, everywhere));
});
