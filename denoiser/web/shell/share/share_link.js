/* What the visitor sees, as the part of an address after the #, which no server sees: the tab, then the facts in d=, as
   in #latent-space&d=eyJr… Other parts, such as lesson=4, are kept as they are. */
import { addressOf, readAddress } from "../address/parts.js";
import { latentFacts, parseLatentFacts } from "../address/latent_facts.js";
import { MAX_SEED, nearestStep, NOISE_FACTORS, VIEWS } from "../constants.js";
import { t } from "../i18n.js";
import { PIXELS } from "../pixels.js";
import { set } from "../store.js";
import { say } from "../toast.js";

const GRID = 1000; // positions are thousandths of the pad's side
const MAX_POINTS = 5000;
const BETWEEN_STROKES = 0.3; // seconds
const MAX_PAUSE = 6000; // hundredths of a second between two points

const encode = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const decode = (text) => atob(text.replaceAll("-", "+").replaceAll("_", "/"));

/** Strokes as whole numbers: x, y and the hundredths of a second since the point before. */
export function packStrokes(strokes) {
  return strokes.map((stroke) =>
    stroke.flatMap(([x, y, seconds = 0], i) => {
      const pause = seconds - (stroke[i - 1]?.[2] ?? seconds);
      return [Math.round(x * GRID), Math.round(y * GRID), Math.max(0, Math.round(pause * 100))];
    }),
  );
}

/** The strokes of `packStrokes`. */
export function unpackStrokes(packed) {
  let seconds = 0;
  return packed.map((numbers) => {
    const stroke = [];
    for (let i = 0; i + 2 < numbers.length; i += 3) {
      seconds += numbers[i + 2] / 100;
      stroke.push([numbers[i] / GRID, numbers[i + 1] / GRID, Math.round(seconds * 100) / 100, 0]);
    }
    seconds += BETWEEN_STROKES;
    return stroke;
  });
}

/**
 * The part of an address behind and with its #.
 * @param {import("../store.js").State} s
 * @param {string} [before]  the same part as it is now, whose other parts are kept
 */
export function formatLink(s, before = "") {
  const { strokes, picture, nonDigit, isNoisyInput, kind, seed, factor, shownModels, view, draw } = s;
  const facts = { k: kind, e: seed, f: factor, m: shownModels.filter((m) => !m.userModelId).map((m) => m.name) };
  if (picture) facts.p = picture;
  if (nonDigit) facts.o = nonDigit;
  if (isNoisyInput) facts.n = 1;
  if (s.cleanReader) facts.c = 1;
  if (strokes.length && !s.ghost) facts.s = packStrokes(strokes);
  if (view !== "picture") facts.v = view;
  if (draw !== 1) facts.g = draw;
  if (s.modelShown) facts.i = s.modelShown;
  if (s.trainingForm) facts.r = s.trainingForm;
  const latent = latentFacts(s);
  if (latent) facts.l = latent;
  return addressOf(s.page, encode(JSON.stringify(facts)), before);
}

const isWhole = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;
const isForm = (form) =>
  typeof form === "object" &&
  !Array.isArray(form) &&
  Object.values(form).every((value) => ["string", "number"].includes(typeof value));
const areStrokes = (packed) =>
  Array.isArray(packed) &&
  packed.every(
    (stroke) =>
      Array.isArray(stroke) &&
      stroke.length > 0 &&
      stroke.length % 3 === 0 &&
      stroke.every((v, i) => isWhole(v, i % 3 < 2 ? GRID : MAX_PAUSE)),
  ) &&
  packed.flat().length <= 3 * MAX_POINTS;

/**
 * What a link says, as a patch of the state; throws where it was cut or forged.
 * @param {string} hash
 * @returns {Partial<import("../store.js").State>}
 */
export function parseLink(hash) {
  const facts = JSON.parse(decode(readAddress(hash).facts ?? ""));
  const {
    s = [],
    p = null,
    o = null,
    n = 0,
    c = 0,
    k,
    e,
    f,
    m,
    v = "picture",
    g = 1,
    i = null,
    r = null,
    l = null,
  } = facts;
  const valid =
    areStrokes(s) &&
    (p === null || (typeof p === "string" && decode(p).length === PIXELS)) &&
    [null, "letter", "blank", "noise"].includes(o) &&
    typeof k === "string" &&
    isWhole(e, MAX_SEED) &&
    typeof f === "number" &&
    nearestStep(f) in NOISE_FACTORS &&
    Array.isArray(m) &&
    m.every((name) => typeof name === "string") &&
    VIEWS.includes(v) &&
    isWhole(g, MAX_SEED) &&
    (i === null || typeof i === "string") &&
    (r === null || isForm(r));
  if (!valid) throw new Error("not a link of ours");
  return {
    strokes: unpackStrokes(s),
    picture: p,
    nonDigit: o,
    isNoisyInput: n === 1,
    cleanReader: c === 1,
    kind: k,
    seed: e,
    factor: NOISE_FACTORS[nearestStep(f)],
    requestedModels: m,
    view: v,
    draw: g,
    requestedModel: i,
    trainingForm: r,
    ...parseLatentFacts(l),
  };
}

/**
 * Take over what a link says.
 * @param {string} hash  one without facts is ignored
 */
export function openLink(hash) {
  if (readAddress(hash).facts === null) return;
  try {
    set({ ...parseLink(hash), version: 1 });
  } catch {
    say(t("shell.shareLink.damaged"));
  }
}
