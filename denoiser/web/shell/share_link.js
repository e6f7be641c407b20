/* A link with the drawing (or the fitted picture), the noise and the models, all after the #: no server sees it. */
import { MAX_SEED, nearestStep, NOISE_FACTORS } from "./constants.js";
import { t } from "./i18n.js";
import { PIXELS } from "./pixels.js";
import { set, state } from "./store.js";
import { say } from "./toast.js";

const HUB = "https://huggingface.co";
const KEY = "#d=";
const GRID = 1000; // positions are thousandths of the pad's side
const MAX_POINTS = 5000;
const BETWEEN_STROKES = 0.3; // seconds
const MAX_PAUSE = 6000; // hundredths of a second between two points

let knownHash = location.hash;

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
 * @param {import("./store.js").State} s
 */
export function formatLink({ strokes, picture, nonDigit, isNoisyInput, kind, seed, factor, shownModels }) {
  const facts = { k: kind, e: seed, f: factor, m: shownModels.filter((m) => !m.userModelId).map((m) => m.name) };
  if (picture) facts.p = picture;
  if (nonDigit) facts.o = nonDigit;
  if (isNoisyInput) facts.n = 1;
  if (strokes.length) facts.s = packStrokes(strokes);
  return KEY + encode(JSON.stringify(facts));
}

const isWhole = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;
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
 * @returns {Partial<import("./store.js").State>}
 */
export function parseLink(hash) {
  const { s = [], p = null, o = null, n = 0, k, e, f, m } = JSON.parse(decode(hash.slice(KEY.length)));
  const valid =
    areStrokes(s) &&
    (p === null || (typeof p === "string" && decode(p).length === PIXELS)) &&
    [null, "letter", "blank", "noise"].includes(o) &&
    typeof k === "string" &&
    isWhole(e, MAX_SEED) &&
    typeof f === "number" &&
    nearestStep(f) in NOISE_FACTORS &&
    Array.isArray(m) &&
    m.every((name) => typeof name === "string");
  if (!valid) throw new Error("not a link of ours");
  return {
    strokes: unpackStrokes(s),
    picture: p,
    nonDigit: o,
    isNoisyInput: n === 1,
    kind: k,
    seed: e,
    factor: NOISE_FACTORS[nearestStep(f)],
    requestedModels: m,
  };
}

/**
 * Put what is on the page into the address: a reload brings it back. On the Hub that is the address of the page around
 * this one, which takes a new # as a message.
 */
export function keepInAddress() {
  const link = location.href.split("#")[0] + formatLink(state);
  history.replaceState(null, "", link);
  knownHash = location.hash;
  if (location.ancestorOrigins?.[0] === HUB) parent.postMessage({ hash: location.hash }, HUB);
  return link;
}

/** Whether the visitor put another link into the address of the open page: a reload opens it. */
export const hasNewLink = () => location.hash !== knownHash;

export async function copyLink() {
  const link = keepInAddress();
  try {
    await navigator.clipboard.writeText(link);
    say(t`Link copied: this drawing, this noise, these models.`);
  } catch {
    say(t`The link is in the address bar: this drawing, this noise, these models.`);
  }
}

/**
 * Take over what a link says.
 * @param {string} hash  anything that does not begin as a link is ignored
 */
export function openLink(hash) {
  if (!hash.startsWith(KEY)) return;
  try {
    set({ ...parseLink(hash), version: 1 });
  } catch {
    say(t`That link is damaged. Here is an empty pad instead.`);
  }
}
