import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const { formatLink, packStrokes, parseLink, unpackStrokes } =
  await import("../../denoiser/web/shell/share/share_link.js");
const { VIEWS } = await import("../../denoiser/web/shell/constants.js");
const { readAddress } = await import("../../denoiser/web/shell/address/parts.js");
const { state } = await import("../../denoiser/web/shell/store.js");

const STROKES = [
  [
    [0.1, 0.2, 0, 0],
    [0.123, 0.456, 0.1, 0],
  ],
  [[1, 0, 0.4, 0]],
];
const link = (facts) =>
  `#d=${btoa(JSON.stringify({ k: "gaussian", e: 1, f: 0.5, m: [], ...facts })).replace(/=+$/, "")}`;

test("strokes come back, in thousandths of the pad's side and hundredths of a second", () => {
  assert.deepEqual(unpackStrokes(packStrokes(STROKES)), STROKES);
});

test("a link says all that belongs to a picture", () => {
  const shownModels = [{ name: "unet" }, { name: "yours-1", userModelId: "secret" }];
  const facts = {
    ...state,
    strokes: STROKES,
    kind: "speckle",
    seed: 7,
    factor: 0.35,
    isNoisyInput: true,
    cleanReader: true,
    nonDigit: "letter",
    shownModels,
  };
  assert.deepEqual(parseLink(formatLink(facts)), {
    strokes: STROKES,
    picture: null,
    nonDigit: "letter",
    isNoisyInput: true,
    cleanReader: true,
    kind: "speckle",
    seed: 7,
    factor: 0.35,
    requestedModels: ["unet"],
    view: "picture",
    draw: 1,
    requestedModel: null,
    trainingForm: null,
    latentView: null,
    pins: null,
  });
});

test("a link says what the other tabs show, and which one is in view", () => {
  const latentView = { maps: ["vae-2d"], mode: "quantiles", zoom: 2.5, centre: [0.25, 0.75], layers: ["digits"] };
  const trainingForm = { family: "conv", width: 8, rate: 0.01 };
  const pins = { a: "drawing", b: [0.1239, -1] };
  const facts = { ...state, page: "latent-space", view: "wipe", draw: 3, modelShown: "unet", trainingForm, latentView };
  const hash = formatLink({ ...facts, pins }, "#models&lesson=4&d=old");
  assert.match(hash, /^#latent-space&d=[\w-]+&lesson=4$/);
  const found = parseLink(hash);
  assert.deepEqual(found.latentView, latentView);
  assert.deepEqual(found.pins, { a: "drawing", b: [0.124, -1] });
  assert.deepEqual(found.trainingForm, trainingForm);
  assert.deepEqual([found.view, found.draw, found.requestedModel], ["wipe", 3, "unet"]);
});

test("a tab is found by its name in any of the usual spellings", () => {
  for (const [hash, page] of [
    ["#latent", "latent-space"],
    ["#tab=Models", "models"],
    ["#Latent%20space", "latent-space"],
    ["#originals&lesson=2", "possible-originals"],
    ["#d=abc", null],
    ["#constructor", null],
  ])
    assert.equal(readAddress(hash).page, page, hash);
});

test("a link made before still opens", () => {
  const old =
    "#d=eyJrIjoic3BlY2tsZSIsImUiOjc3LCJmIjowLjgsIm0iOlsidW5ldCIsIm1lZGlhbiJdLCJzIjpbWzUwMCwzMDAsMCw1MDAsNzAwLDVdXX0";
  const { strokes, kind, seed, factor, requestedModels } = parseLink(old);
  assert.deepEqual([kind, seed, factor, requestedModels], ["speckle", 77, 0.8, ["unet", "median"]]);
  assert.deepEqual(strokes, [
    [
      [0.5, 0.3, 0, 0],
      [0.5, 0.7, 0.05, 0],
    ],
  ]);
});

test("a link that was cut or forged is refused", () => {
  parseLink(link({}));
  for (const facts of [
    { s: [[500, 5000, 0]] },
    { s: [[500, 500]] },
    { s: [[null, null, null]] },
    { s: [[]] },
    { s: Array(6).fill(Array(3000).fill(500)) },
    { p: "AAAA" },
    { p: {} },
    { o: "cat" },
    { e: "1" },
    { e: -1 },
    { f: 7 },
    { f: "0.5" },
    { m: [1] },
    { m: "unet" },
    { k: 1 },
    { v: "upside-down" },
    { g: -1 },
    { i: 7 },
    { r: { width: {} } },
    { l: { m: ["vae-2d"], q: 7, z: [1, 0, 0], y: [] } },
    { l: { m: ["vae-2d"], q: 0, z: [1, "0", 0], y: [] } },
    { l: { m: ["vae-2d"], q: 0, z: [1, 0, 0], y: [], a: "class:x", b: "class:1" } },
  ])
    assert.throws(() => parseLink(link(facts)), undefined, JSON.stringify(facts));
  const incomplete = ["#d=", "#d=%%%", link({}).slice(0, 20), "#d=eyJrIjoxfQ", "#d=W10", "#d=bnVsbA"]; // {"k":1}, [], null
  for (const hash of incomplete) assert.throws(() => parseLink(hash), undefined, hash);
});

test("every view of the cards can stand in a link", () => {
  for (const view of VIEWS) assert.equal(parseLink(link({ v: view })).view, view);
});
