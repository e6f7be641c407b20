/* Asks for the originals of what is on the pad, for as long as the page is in view: at most one request at a time, and
   what comes late for a digit that is gone is dropped. The answers of this digit are kept for the noise slider. */
import { fromBase64, toBase64 } from "../shell/base64.js";
import { PIXELS } from "../shell/pixels.js";
import { ask, newTicket } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { byVotes, countVotes } from "./figures.js";

/**
 * @typedef {object} Originals
 * @property {string} asked  what they are the answer to
 * @property {Uint8Array} noisy
 * @property {Uint8Array} digit  what the noise was added to
 * @property {Uint8Array[]} pictures  the originals: those that read as the same digit together, most votes first
 * @property {import("./figures.js").Reading[]} reads
 * @property {[number, number][]} votes
 * @property {Uint8Array | null} answer  the denoiser's
 * @property {import("./figures.js").Reading | null} answerReads
 * @property {import("./figures.js").Reading | null} averageReads
 * @property {import("./figures.js").Reading | null} digitReads
 * @property {boolean} hasReference  the digit is clean: pictures can be compared with it
 * @property {Uint8Array[][]} condensing  some moments of each of them on the way from noise; empty unless asked for
 */

const REST = 80; // milliseconds for which the slider must rest
const RETRY = 2000;

/** Many pictures of 784 bytes in one base64 text. */
export function split(text) {
  const bytes = fromBase64(text);
  return Array.from({ length: bytes.length / PIXELS }, (_, i) => bytes.subarray(i * PIXELS, (i + 1) * PIXELS));
}

/** What the originals depend on; "" without a drawing. */
export function questionOf({ digit, isNoisyInput, kind, seed, factor, draw }) {
  return digit ? [toBase64(digit), draw, ...(isNoisyInput ? ["noisy input"] : [kind, seed, factor])].join("/") : "";
}

/** Whether what is shown answers what is asked now. */
export const isStale = (s) => s.originals !== null && s.originals.asked !== questionOf(s);

/** @returns {Originals} */
function parse(reply, asked, { digit, isNoisyInput, nonDigit }) {
  const drawn = split(reply.pictures);
  const order = reply.reads ? byVotes(reply.reads) : drawn.map((_, i) => i);
  const reads = reply.reads ? order.map((i) => reply.reads[i]) : [];
  const moments = (reply.condensing ?? []).map(split);
  return {
    asked,
    noisy: fromBase64(reply.noisy),
    digit,
    pictures: order.map((i) => drawn[i]),
    reads,
    votes: countVotes(reads),
    answer: reply.answer && fromBase64(reply.answer),
    answerReads: reply.answer_reads,
    averageReads: reply.average_reads,
    digitReads: nonDigit ? null : reply.digit_reads,
    hasReference: !isNoisyInput && nonDigit !== "blank" && nonDigit !== "noise",
    condensing: order.map((i) => moments.map((moment) => moment[i])),
  };
}

/**
 * Follow the drawing and its noise.
 * @param {(request: string | null, ticket?: string) => Promise<string>} call
 * @param {(s: import("../shell/store.js").State) => boolean} mayAsk
 * @returns {() => void}  asks for other originals
 */
export function followOriginals(call, mayAsk) {
  const ticket = newTicket();
  const known = new Map(); // answers of one digit, kind and seed
  let knownFor = "";
  let timer = 0;
  let asking = false;
  let condensing = false;

  function update() {
    clearTimeout(timer);
    if (!state.digit) {
      if (state.originals) set({ originals: null });
      return;
    }
    const about = [state.digit.join(), state.isNoisyInput, state.kind, state.seed].join("/");
    if (about !== knownFor) {
      known.clear();
      knownFor = about;
      set({ pointed: null, pinned: null, picked: 0, group: null, revealed: false });
    }
    const question = questionOf(state);
    if (!state.onOriginals || !mayAsk(state) || state.originals?.asked === question) return;
    if (known.has(question)) show(known.get(question));
    else timer = setTimeout(refresh, REST);
  }
  function show(originals) {
    const { group, pictures } = { group: state.group, ...originals };
    const kept = originals.votes.some(([digit]) => digit === group) ? group : null;
    set({ originals, group: kept, pointed: null, pinned: null, picked: Math.min(state.picked, pictures.length - 1) });
  }
  async function refresh() {
    if (asking) return; // it looks again when the answer is there
    asking = true;
    let asked = "";
    let about = state;
    const reply = await ask(
      call,
      () => {
        if (!state.digit || !state.onOriginals || !mayAsk(state)) return null;
        asked = questionOf(state);
        about = { ...state };
        const { digit, isNoisyInput, kind, seed, factor, draw } = state;
        return { picture: toBase64(digit), is_noisy_input: isNoisyInput, kind, seed, factor, draw, condensing };
      },
      ticket,
    );
    asking = false;
    if (reply) {
      condensing = false;
      const sameDigit = asked.split("/")[0] === questionOf(state).split("/")[0] && about.draw === state.draw;
      const originals = parse(reply, asked, about);
      if (sameDigit) {
        known.set(asked, { ...originals, condensing: [] });
        show(originals); // while the slider moves, those of a moment ago are better than none
      }
      update();
    } else if (state.offline) timer = setTimeout(update, RETRY);
    else if (asked !== questionOf(state)) update(); // a refusal of what is no longer asked says nothing
  }
  on("digit kind seed factor draw isNoisyInput onOriginals", update);
  addEventListener("online", update);
  return () => {
    condensing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    set({ draw: state.draw + 1 });
  };
}
