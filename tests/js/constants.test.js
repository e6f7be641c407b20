import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/* another grid than Python's: what follows must come from it, not from a copy in JavaScript */
const sent = JSON.parse(document.getElementById("denoiser-constants").textContent);
sent.noiseFactors = [0, 0.25, 0.5, 0.75, 1];
sent.maxSeed = 99;
sent.defaultSeed = 7;
sent.noiseKinds = { rain: { label: "Rain", meaning: "" } };
document.getElementById = () => /** @type {any} */ ({ textContent: JSON.stringify(sent) });

const { LAST_STEP, nearestStep } = await import("../../denoiser/web/shell/constants.js");
const { state } = await import("../../denoiser/web/shell/store.js");
const { formatLink, parseLink } = await import("../../denoiser/web/shell/share/share_link.js");

test("the grid of noise factors is the one that the page brings", () => {
  assert.equal(LAST_STEP, 4);
  assert.deepEqual([0, 0.1, 0.2, 0.6, 1].map(nearestStep), [0, 0, 1, 2, 4]);
  assert.equal(parseLink(formatLink({ ...state, factor: 0.3 })).factor, 0.25);
});

test("so are the first kind of noise, the first seed and the largest", () => {
  assert.deepEqual([state.kind, state.seed], ["rain", 7]);
  assert.equal(parseLink(formatLink({ ...state, seed: 99 })).seed, 99);
  assert.throws(() => parseLink(formatLink({ ...state, seed: 100 })));
});
