/* What the visitor sees and does, in one place. Components read `state`, change it by `set` and follow it by `on`. */
import { DEFAULT_SEED, NOISE_KINDS } from "./constants.js";

/**
 * A point of a stroke: x and y in units of the pad's side, seconds since the first point, pressure.
 * @typedef {number[]} Point
 * @typedef {Point[]} Stroke
 */

/**
 * What can be undone and redone.
 * @typedef {object} Drawing
 * @property {Stroke[]} strokes
 * @property {string | null} picture  an uploaded picture, fitted: base64 of 784 bytes; its strokes are empty
 * @property {"letter" | "blank" | "noise" | null} nonDigit  no digit on purpose
 * @property {number | null} label  the label of an MNIST test digit
 */

/**
 * What is on the pad, and what the models see of it.
 * @typedef {object} PadState
 * @property {Drawing[]} past  what was on the pad before, last last
 * @property {Drawing[]} future  what was taken back
 * @property {boolean} isNoisyInput  the picture on the pad is noisy already: none is added
 * @property {boolean} ghost  the drawing is the recorded one of a first visit: the first touch wipes it away
 * @property {boolean} drawing  the pen is down
 * @property {number} lifted  the time of the event that lifted the pen
 * @property {number} version  counts changes of the drawing
 * @property {Uint8Array | null} digit  what the models see: 784 bytes, or null without ink
 * @property {[number, number] | null} reading  what the referee reads in it: digit and probability
 * @property {any} number  an uploaded picture with several digits: what was read in it, and its file's `url`; else null
 */

/**
 * @typedef {object} NoiseState
 * @property {string} kind
 * @property {number} seed
 * @property {number} factor  the noise factor, 0 to 1
 */

/**
 * A model, or the noisy picture itself, as a card shows it.
 * @typedef {object} Model
 * @property {string} name
 * @property {string} label
 * @property {import("./constants.js").LineStyle} style
 * @property {string} [family]
 * @property {string} [title]
 * @property {[number, number] | null} [trained]  the noise factors it was trained on, lowest and highest
 * @property {string[]} [noise]  the noise kinds it was trained on
 * @property {number | null} [latent]  the size of its code
 * @property {string} [userModelId]  on the server, of a visitor's own
 */

/**
 * The cards of the Denoise page.
 * @typedef {object} ComparisonState
 * @property {string[]} requestedModels  names of models that a link asks for
 * @property {Model[]} shownModels  the models side by side, in order
 * @property {any} sweep  every row at every noise factor of this digit, kind and seed; null while it is computed
 * @property {any} comparison  every row at `factor`
 * @property {"picture" | "difference" | "wipe"} view
 * @property {boolean} cleanReader  a classifier that never saw noise reads the pictures, not the referee
 * @property {number} wipe  where the divider of the wipe stands, 0 to 1
 * @property {any[]} userModels  the visitor's own models: a Model of each without a style, its title a Text
 * @property {Pacing} pacing
 */

/**
 * When the board asks the server. All are true; `denoiser bench pacing` measures what each of them saves.
 * @typedef {object} Pacing
 * @property {boolean} sweepWithCards  after pen-up, ask a far or busy server for the sweep beside the cards, not after
 * @property {boolean} finalAtOnce  after pen-up, ask beside the updates under way, not after them
 * @property {boolean} severalUpdates  while the pen moves, have several updates under way where the server is far
 */

/**
 * The Latent space page.
 * @typedef {object} LatentState
 * @property {any[] | null} maps  the maps that are shown, ready to use (see atlas.js), in their order
 * @property {{z: number[], by: "mouse" | "touch" | "keys" | "sample"} | null} point  the latent point pointed at
 * @property {any} trajectory  where the digit on the pad lands under growing noise: {factors, noisy, maps}
 * @property {number} driftShown  how often the visitor asked to see the drift: the maps move to where it happens
 * @property {number} drift  the noise factor shown of it
 * @property {Record<"a" | "b", number[] | string> | null} pins  the morph's ends: [z1, z2], "drawing", "class:3"
 * @property {Record<string, number[][]> | null} routes  the latent points of the morph on each map
 * @property {number | null} frame  the one of them that is shown
 * @property {number[][] | null} samples  latent points drawn from the prior
 * @property {LatentView | null} latentView  what the maps show; null before the page was seen
 * @property {boolean} latentPageVisible  whether the page is in view
 */

/**
 * Which maps are shown, which part of the plane, in which coordinates, and which layers.
 * @typedef {{maps: string[], mode: string, zoom: number, centre: number[], layers: string[]}} LatentView
 */

/**
 * The page of possible originals.
 * @typedef {object} OriginalsState
 * @property {any} originals  the twelve of a noisy picture, in the order shown (see request.js); null without a drawing
 * @property {number} draw  the seed of what is drawn at random for the visitor's digit
 * @property {number | null} pointed  which of the twelve is pointed at
 * @property {number | null} pinned  which of them stays pointed at
 * @property {number} picked  which of them the slider from blur to invention leads to
 * @property {number | null} group  only those that read as this digit are shown
 * @property {boolean} revealed  the visitor has asked what was drawn
 * @property {boolean} onOriginals  whether the page is in view
 */

/**
 * The Train page.
 * @typedef {object} TrainingState
 * @property {"idle" | "waiting" | "training"} trainingState
 * @property {string | null} trainingTicket  of the training that is under way
 * @property {any} watchedDigits  the ten digits that are watched: clean, noisy
 * @property {any} trainingSettings  the settings of the training
 * @property {any[]} snapshots  what there was to see of it
 * @property {number} snapshotIndex  which moment is looked at, -1 where there is none
 * @property {any} latestSnapshot  what arrived last
 * @property {Record<string, string | number> | null} trainingForm  its settings; null until one was changed
 * @property {any[]} runs  the trainings of this visit, the last one last
 * @property {{id: string, card: any} | null} trainingResult
 */

/**
 * What belongs to the whole page.
 * @typedef {object} PageState
 * @property {import("./navigation.js").Page} page  the tab in view
 * @property {string | null} modelShown  whose entry is shown there, if the visitor chose it
 * @property {number} lesson  the step of the tour, from 1; 0 outside of it
 * @property {boolean} teaching  the sheet with the links for a class is open
 * @property {string | null} requestedModel  whose entry on the Models page is asked for
 * @property {string} message  what the toast says
 * @property {boolean} offline  the server did not answer
 * @property {number} waiting  our position in the server's queue, 0 where we do not wait
 * @property {"light" | "dark" | null} theme
 */

/**
 * @typedef {Drawing & PadState & NoiseState & ComparisonState & LatentState & OriginalsState & TrainingState
 *   & PageState} State
 */

/**
 * Never written directly: see `set`.
 * @type {State}
 */
export const state = {
  // the drawing
  strokes: [],
  picture: null,
  nonDigit: null,
  label: null,
  past: [],
  future: [],
  isNoisyInput: false,
  ghost: false,
  drawing: false,
  lifted: 0,
  version: 0,
  digit: null,
  reading: null,
  number: null,
  // noise
  kind: Object.keys(NOISE_KINDS)[0],
  seed: DEFAULT_SEED,
  factor: 0.5,
  // cards
  requestedModels: [],
  shownModels: [],
  sweep: null,
  comparison: null,
  view: "picture",
  cleanReader: false,
  wipe: 0.5,
  userModels: [],
  pacing: { sweepWithCards: true, finalAtOnce: true, severalUpdates: true },
  // latent space
  maps: null,
  point: null,
  trajectory: null,
  drift: 0,
  driftShown: 0,
  pins: null,
  routes: null,
  frame: null,
  samples: null,
  latentView: null,
  latentPageVisible: false,
  // possible originals
  originals: null,
  draw: 1,
  pointed: null,
  pinned: null,
  picked: 0,
  group: null,
  revealed: false,
  onOriginals: false,
  // training
  trainingState: "idle",
  trainingTicket: null,
  watchedDigits: null,
  trainingSettings: null,
  snapshots: [],
  snapshotIndex: -1,
  latestSnapshot: null,
  trainingForm: null,
  runs: [],
  trainingResult: null,
  // page
  page: "denoise",
  modelShown: null,
  lesson: 0,
  teaching: false,
  requestedModel: null,
  message: "",
  offline: false,
  waiting: 0,
  theme: null,
};

/** @type {{keys: string[], callback: (state: State) => void}[]} */
const listeners = [];

/**
 * Change the state and tell whoever follows one of the patch's keys.
 * @param {Partial<State>} patch
 */
export function set(patch) {
  Object.assign(state, patch);
  for (const { keys, callback } of [...listeners]) if (keys.some((key) => key in patch)) callback(state);
}

/**
 * Call back now, and whenever one of the keys is set.
 * @param {string} keys  separated by spaces
 * @param {(state: State) => void} callback
 */
export function on(keys, callback) {
  listeners.push({ keys: keys.split(" "), callback });
  callback(state);
}
