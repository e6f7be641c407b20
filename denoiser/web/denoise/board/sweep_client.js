/* Asks the server twice after each stroke: first for the cards at the present noise factor, then for the whole sweep;
   from then on the slider needs no server. */
import { fromBase64 } from "../../shell/base64.js";
import { hasInk } from "../../shell/drawing.js";
import { PIXELS } from "../../shell/pixels.js";
import { ask, newTicket } from "../../shell/rpc.js";
import { on, set, state } from "../../shell/store.js";

/** @typedef {import("../../shell/store.js").State} State */

/**
 * The server's answer for every model shown, and the noisy picture first. Of a model that failed there is nothing.
 * @typedef {object} Comparison
 * @property {string} asked  what it answers, see `questionOf`
 * @property {string[]} names  of its rows
 * @property {number[]} factors  of its columns
 * @property {boolean[]} broken  whether the row's model failed
 * @property {(row: number, i: number) => Uint8Array | null} picture  784 bytes of a row at its i-th factor
 * @property {(number | null)[][] | null} psnr  in dB, null for infinitely many; null without a clean digit
 * @property {number[][] | null} ssim
 * @property {(number | null)[] | null} breaks  each row's breaking point; null without a clean digit or a referee
 * @property {[number, number] | null} reading  what the referee reads in the digit: digit and probability
 * @property {[number, number][][] | null} reads  and in each picture
 * @property {string | null} fitted  the digit's exact pixels; null where it does not come from strokes
 * @property {string[]} gone  models of the visitor that the server no longer has
 */

const RETRY = 2000; // milliseconds

const namesOf = ({ shownModels }) => shownModels.map((model) => model.name);

/**
 * What an answer depends on, except the noise factor: an answer to another question is out of date.
 * @param {State} s
 */
export const questionOf = (s) =>
  [s.version, s.kind, s.seed, namesOf(s), ...(s.isNoisyInput ? ["noisy input"] : [])].join("/");

/**
 * The drawing as the request has it. The digit that the cards fitted for the same question replaces its strokes, which
 * are then not fitted again.
 * @param {State} s
 */
function inkOf(s) {
  const { picture, strokes, nonDigit, comparison } = s;
  if (picture !== null) return { picture };
  const fitted = comparison?.asked === questionOf(s) ? comparison.fitted : null;
  if (fitted) return { fitted };
  return strokes.length ? { strokes } : { odd: nonDigit };
}

/**
 * @param {State} s
 * @param {number[] | null} factors  null for the whole sweep
 */
function requestOf(s, factors) {
  const userModels = s.shownModels.filter((model) => model.userModelId);
  return {
    ...inkOf(s),
    already: s.isNoisyInput,
    kind: s.kind,
    seed: s.seed,
    models: namesOf(s),
    own: Object.fromEntries(userModels.map((model) => [model.name, model.userModelId])),
    factors,
  };
}

/** @returns {Comparison} */
function comparisonOf(reply, asked) {
  const pixels = fromBase64(reply.pictures);
  const columns = reply.factors.length;
  const broken = reply.names.map((name) => reply.failed.includes(name));
  const picture = (row, i) => {
    const start = (row * columns + i) * PIXELS;
    return broken[row] ? null : pixels.subarray(start, start + PIXELS);
  };
  return { ...reply, asked, broken, picture };
}

/** For the benchmark: milliseconds from the moment the pen was lifted to what is shown. */
function measure(name, since) {
  performance.measure(`denoiser:${name}`, { start: since, end: performance.now() });
}

/**
 * Keep `comparison` and `sweep` of the state up to date.
 * @param {import("../../shell/mount.js").Context["server"]} server
 * @param {(names: string[]) => void} forget  called with models of the visitor that the server no longer has
 */
export function startSweepClient(server, forget) {
  const ticket = newTicket(); // one position in the queue: a later request replaces an earlier one
  /** @type {{sweep: string | null} | null} */
  let current = null; // the loop that asks, and the question whose sweep it asks for, if it does

  /** One request, as it stands when it is sent: while this visitor is queued, it may change. */
  async function send(wantsSweep, loop) {
    let asked = "";
    let isDrawing = false;
    const reply = await ask(
      server.compare,
      () => {
        if (current !== loop || !hasInk() || (wantsSweep && state.drawing)) return null;
        [asked, isDrawing] = [questionOf(state), state.drawing];
        return requestOf(state, wantsSweep ? null : [state.factor]);
      },
      ticket,
    );
    return { reply, asked, isDrawing };
  }

  /** Whether the cards lack an answer for the present noise factor. */
  const needsCards = (question) => {
    const { comparison, factor, isNoisyInput } = state;
    return comparison?.asked !== question || (comparison.factors[0] !== factor && !isNoisyInput);
  };

  async function run(loop) {
    while (hasInk()) {
      const question = questionOf(state);
      if (state.sweep?.asked === question) return;
      const wantsCards = needsCards(question);
      if (!wantsCards && (state.drawing || state.isNoisyInput)) return;
      loop.sweep = wantsCards ? null : question;
      const { reply, asked, isDrawing } = await send(!wantsCards, loop);
      if (current !== loop) return; // a newer loop has begun
      const isStale = questionOf(state) !== asked;
      if (!reply) {
        if (state.offline || !isStale) return;
        continue; // an error about an old question says nothing about the present one
      }
      if (reply.gone.length) {
        forget(reply.gone);
        continue;
      }
      if (!hasInk()) return;
      /* of the cards a slightly old answer is better than none while the pen moves; a sweep must be of this drawing */
      if (wantsCards && (!isStale || isDrawing))
        set({ comparison: comparisonOf(reply, asked), digit: fromBase64(reply.digit), reading: reply.reading });
      if (!wantsCards && !isStale) set({ sweep: comparisonOf(reply, asked) });
      if (!isStale && state.lifted && !isDrawing) measure(wantsCards ? "cards" : "sweep", state.lifted);
    }
  }
  async function refresh() {
    if (current && (!current.sweep || current.sweep === questionOf(state))) return;
    const loop = (current = { sweep: null });
    try {
      await run(loop);
    } finally {
      if (current === loop) current = null;
      if (state.offline) setTimeout(refresh, RETRY);
    }
  }
  addEventListener("online", refresh);
  on("version kind seed shownModels isNoisyInput", (s) => {
    if (!hasInk()) set({ comparison: null, sweep: null, digit: null, reading: null });
    else if (s.sweep && s.sweep.asked !== questionOf(s)) set({ sweep: null });
    refresh();
  });
  on("factor", (s) => {
    if (s.sweep?.asked !== questionOf(s)) refresh();
  });
}
