/* The recorded drawing of a first visit: on the pad until the first touch, with the answers recorded for it. */
import { readAddress } from "../../shell/address/parts.js";
import { hasInk } from "../../shell/drawing.js";
import { set, state } from "../../shell/store.js";
import { loadJson } from "../../shell/static_data.js";
import { timed } from "../pad/examples.js";
import { setComparison } from "../board/sweep_client.js";

/**
 * @typedef {object} Recording
 * @property {string} kind
 * @property {number} seed
 * @property {number} factor
 * @property {number[][][]} strokes
 * @property {string} film  a PNG in base64
 * @property {{factor: number, reads: number[], code: number[]}[]} moments
 * @property {any} reply
 */

const hadLink = readAddress(location.hash).facts !== null; // even a damaged one

/** @type {Recording | null} */
let loaded = null;

/** The recording, null until it is loaded. */
export const recording = () => loaded;

/**
 * Put the recorded drawing on an empty pad, with its answers, where the page shows the models and the noise it has.
 * @param {string} address  of the recording
 */
export async function showGhost(address) {
  try {
    await putOnPad(address);
  } finally {
    document.dispatchEvent(new Event("denoiser:ready")); // the page's first picture goes
  }
}

async function putOnPad(address) {
  const isUntouched = () => !hasInk() && !state.past.length && !state.lesson && !hadLink;
  if (!isUntouched()) return;
  loaded = await loadJson(address);
  const { kind, seed, factor, strokes, reply } = loaded;
  const shown = ["noisy", ...state.shownModels.map((model) => model.name)].join();
  if (!isUntouched() || state.kind !== kind || state.seed !== seed || shown !== reply.names.join()) return;
  Object.assign(state, { strokes: timed(strokes), ghost: true, factor, version: state.version + 1 });
  setComparison(reply);
  set({ version: state.version, ghost: true, factor });
}

/** The image of the film under the slider for the recorded drawing. */
export async function recordedFilm() {
  const image = new Image();
  image.src = `data:image/png;base64,${loaded.film}`;
  await image.decode();
  return image;
}
