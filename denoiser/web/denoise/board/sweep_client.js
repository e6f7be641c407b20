/* Asks the server for the cards while the pen moves, and after each stroke for the cards and the whole sweep: both at
   once if the server is far or busy, else one after the other, so that the cards do not share its processor. From then
   on the slider needs no server. */
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
 * @property {(number[] | null)[]} [hidden]  by factor what block-out hides: top, left, bottom and right in pixels
 * @property {string[]} gone  models of the visitor that the server no longer has
 */

const RETRY = 2000; // milliseconds
const UPDATE_EVERY = 80; // milliseconds between two updates while the pen moves, where an answer takes longer than that
const MOST_UNDER_WAY = 4; // questions for cards
const MOST_SWEEPS = 2; // questions for sweeps under way
const NEAR = 50; // milliseconds: within them an idle server beside its visitor answers
const SLOW = 2; // an answer that takes so many times as long as the fastest: the server is busy

const namesOf = ({ shownModels }) => shownModels.map((model) => model.name);

/**
 * What an answer depends on, except the noise factor: an answer to another question is out of date.
 * @param {State} s
 */
export const questionOf = (s) =>
  [
    ...[s.version, s.kind, s.seed, namesOf(s)],
    ...(s.isNoisyInput ? ["noisy input"] : []),
    ...(s.cleanReader ? ["clean reader"] : []),
  ].join("/");

/**
 * The drawing as the request has it.
 * @param {State} s
 */
function inkOf({ picture, strokes, nonDigit }) {
  if (picture !== null) return { picture };
  return strokes.length ? { strokes } : { non_digit: nonDigit };
}

/**
 * @param {State} s
 * @param {number[] | null} factors  null for the whole sweep
 */
export function requestOf(s, factors) {
  const userModels = s.shownModels.filter((model) => model.userModelId);
  return {
    ...inkOf(s),
    is_noisy_input: s.isNoisyInput,
    clean_reader: s.cleanReader,
    kind: s.kind,
    seed: s.seed,
    models: namesOf(s),
    user_model_ids: Object.fromEntries(userModels.map((model) => [model.name, model.userModelId])),
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

/** Take over a recorded reply as the answer to the present question. */
export function setComparison(reply) {
  set({
    comparison: comparisonOf(reply, questionOf(state)),
    digit: fromBase64(reply.digit),
    reading: reply.reading,
  });
}

/** Whether all that is shown was recorded: the server has nothing to add. */
function isRecorded() {
  const { ghost, comparison, factor } = state;
  return ghost && comparison?.asked === questionOf(state) && comparison.factors[0] === factor;
}

/** For the benchmark: milliseconds from the moment the pen was lifted to what is shown. */
function measure(name, since) {
  performance.measure(`denoiser:${name}`, { start: since, end: performance.now() });
}

/**
 * A question that has been sent.
 * @typedef {object} Sent
 * @property {number} number  of this question, counted from 1
 * @property {string} asked  see `questionOf`
 * @property {boolean} isDrawing  the pen was down
 */

/** Questions of one kind: a position in the server's queue, where a later one replaces those that wait there. */
class Channel {
  ticket = newTicket();
  /** @type {Set<Sent>} */
  underWay = new Set();
  count = 0;
  shown = 0; // the number of the question whose answer is shown
  sentAt = -Infinity;
  fastest = Infinity; // milliseconds from question to answer
  latest = Infinity;

  isAsking(asked) {
    return [...this.underWay].some((sent) => sent.asked === asked);
  }

  /** An answer has come after so many milliseconds. */
  answered(milliseconds) {
    this.latest = milliseconds;
    this.fastest = Math.min(this.fastest, milliseconds);
  }

  get isNear() {
    return this.latest < NEAR;
  }

  /**
   * How many updates may be under way while the pen moves: enough to send one every UPDATE_EVERY milliseconds however
   * far the server is, but one after the other where it is the server that takes long.
   */
  get atOnce() {
    if (!(this.latest < SLOW * this.fastest)) return 1;
    return Math.min(MOST_UNDER_WAY, Math.ceil(this.latest / UPDATE_EVERY));
  }
}

/**
 * Keep `comparison` and `sweep` of the state up to date.
 * @param {import("../../shell/mount.js").Context["server"]} server
 * @param {(names: string[]) => void} forget  called with models of the visitor that the server no longer has
 */
export function startSweepClient(server, forget) {
  const cards = new Channel();
  const sweeps = new Channel();
  let timer;

  /** Whether the cards lack an answer for the present noise factor. */
  function wantsCards() {
    const { comparison, sweep, factor, isNoisyInput } = state;
    const question = questionOf(state);
    if (!hasInk() || sweep?.asked === question) return false;
    return comparison?.asked !== question || (comparison.factors[0] !== factor && !isNoisyInput);
  }
  const wantsSweep = () =>
    hasInk() && !state.drawing && !state.isNoisyInput && state.sweep?.asked !== questionOf(state);

  /**
   * Ask once. While this visitor is queued, the question changes with the state.
   * @param {Channel} channel
   * @param {() => boolean} isWanted
   * @param {() => number[] | null} factors
   * @param {(reply: any, sent: Sent, isStale: boolean) => void} show
   */
  async function send(channel, isWanted, factors, show) {
    const sent = { number: ++channel.count, asked: "", isDrawing: false };
    const start = (channel.sentAt = performance.now());
    channel.underWay.add(sent);
    const reply = await ask(
      server.compare,
      () => {
        if (!isWanted()) return null;
        Object.assign(sent, { asked: questionOf(state), isDrawing: state.drawing });
        return requestOf(state, factors());
      },
      channel.ticket,
    );
    channel.underWay.delete(sent);
    const isStale = questionOf(state) !== sent.asked;
    if (reply) {
      channel.answered(performance.now() - start);
      if (reply.gone.length) forget(reply.gone);
      else if (sent.number > channel.shown && hasInk()) show(reply, sent, isStale);
    } else if (state.offline) setTimeout(refresh, RETRY);
    if (reply || isStale) refresh(); // an error about the present question would only come again
  }

  function showCards(reply, sent, isStale) {
    /* while the pen moves, a slightly old answer is better than none */
    if (isStale && !(sent.isDrawing && state.drawing)) return;
    if (state.sweep?.asked === sent.asked) return; // the sweep has it already
    cards.shown = sent.number;
    showDigit(reply, { comparison: comparisonOf(reply, sent.asked) });
    if (!isStale && state.lifted && !sent.isDrawing) measure("cards", state.lifted);
  }
  function showSweep(reply, sent, isStale) {
    if (isStale) return;
    sweeps.shown = sent.number;
    const isFirst = wantsCards();
    const sweep = comparisonOf(reply, sent.asked);
    const patch = { sweep, comparison: sweep }; // the cards go on showing it after the next change
    if (isFirst) showDigit(reply, patch);
    else set(patch);
    if (state.lifted) for (const name of isFirst ? ["cards", "sweep"] : ["sweep"]) measure(name, state.lifted);
  }
  const showDigit = (reply, patch) => set({ ...patch, digit: fromBase64(reply.digit), reading: reply.reading });

  /** Cards for each change while the pen moves; then the cards once more and the sweep. */
  function refresh() {
    clearTimeout(timer);
    if (!hasInk() || isRecorded()) return;
    const question = questionOf(state);
    const { sweepWithCards, finalAtOnce, severalUpdates } = state.pacing;
    if (wantsCards() && !cards.isAsking(question)) {
      const wait = state.drawing && cards.underWay.size ? cards.sentAt + UPDATE_EVERY - performance.now() : 0;
      const isSeveral = state.drawing ? severalUpdates : finalAtOnce;
      const most = !isSeveral ? 1 : state.drawing ? cards.atOnce : MOST_UNDER_WAY;
      if (wait > 0) timer = setTimeout(refresh, wait);
      else if (cards.underWay.size < most) send(cards, wantsCards, () => [state.factor], showCards);
    }
    const awaitsCards = (cards.isNear || !sweepWithCards) && state.comparison?.asked !== question;
    if (wantsSweep() && !awaitsCards && !sweeps.isAsking(question) && sweeps.underWay.size < MOST_SWEEPS)
      send(sweeps, wantsSweep, () => null, showSweep);
  }
  addEventListener("online", refresh);
  on("version kind seed shownModels isNoisyInput cleanReader", (s) => {
    if (!hasInk()) set({ comparison: null, sweep: null, digit: null, reading: null });
    else if (s.sweep && s.sweep.asked !== questionOf(s)) set({ sweep: null });
    refresh();
  });
  on("factor", (s) => {
    if (s.sweep?.asked !== questionOf(s)) refresh();
  });
}
