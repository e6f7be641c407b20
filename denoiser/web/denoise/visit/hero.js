/* What the page is about, and the visitor's own digit on its way through an autoencoder: noisy picture, encoder, code,
   decoder, picture. */
import { hasInk } from "../../shell/drawing.js";
import { finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { mix, paintDigit, themeColour } from "../../shell/pixels.js";
import { ask, newTicket } from "../../shell/rpc.js";
import { on, state } from "../../shell/store.js";
import { isLatest, latestAnswer } from "../board/answer.js";
import { questionOf, requestOf } from "../board/sweep_client.js";
import { recording } from "./ghost.js";
import { withTerms } from "./terms.js";

const CELLS = 16;

/** A code as small squares: film for -1, light for 1. */
export function cellsMarkup(code, digits = false) {
  const [film, light] = ["--film", "--lum"].map(themeColour);
  return Array.from({ length: CELLS }, (_, i) => {
    const value = code?.[i];
    if (value === undefined) return html`<i></i>`;
    const share = (Math.max(-1, Math.min(1, value)) + 1) / 2;
    const style = `background:rgb(${mix(film, light, share)});color:rgb(${share > 0.5 ? film : light})`;
    return html`<i style="${style}">${digits ? value.toFixed(1).replace("-", "−") : ""}</i>`;
  });
}

/**
 * Follows the codes of the digit on the pad: asks for them once its sweep is there, or the answer to a picture that is
 * noisy already, and only while they are in view.
 * @param {(request: string, ticket?: string) => Promise<string>} call
 * @param {HTMLElement} row  where they are shown
 * @param {() => void} onCodes
 */
function startCodes(call, row, onCodes) {
  const ticket = newTicket();
  /** @type {{asked: string, factors: number[], codes: number[][]} | null} */
  let known = null;
  let asking = "";
  async function follow() {
    const { sweep, comparison, ghost, isNoisyInput } = state;
    const question = questionOf(state);
    const isAnswered = (isNoisyInput ? comparison : sweep)?.asked === question;
    if (ghost || !isAnswered || asking === question || row.offsetParent === null) return;
    asking = question;
    const reply = await ask(call, () => requestOf(state, null), ticket);
    if (reply && questionOf(state) === question) {
      known = { asked: question, ...reply };
      onCodes();
    }
  }
  on("sweep comparison shownModels", follow);
  new IntersectionObserver(follow).observe(row); // the sweep may have come while another tab was open
  /** The code at the present noise factor; null where it is not known. */
  return () => {
    const { ghost, factor } = state;
    if (ghost && factor === recording()?.factor) return recording().moments.at(-1).code;
    if (known?.asked !== questionOf(state)) return null;
    return known.codes[Math.max(0, known.factors.indexOf(factor))] ?? null;
  };
}

/** @param {import("../../shell/mount.js").Context<{code: string}>} context */
export function mount({ element, props, server }) {
  const find = finder(element);
  const pipe = find(".pipe");
  setHtml(find(".idea"), withTerms(t("visit.hero.idea")));
  setHtml(find(".promise"), withTerms(t("visit.hero.promise")));
  const codeNow = startCodes(server.codes, pipe, show);

  function show() {
    const { answer, step } = latestAnswer();
    const row = answer ? answer.names.indexOf(props.code) : -1;
    const lit = row > 0 && !answer.broken[row];
    paintDigit(find(".noisy", HTMLCanvasElement), lit ? answer.picture(0, step) : null);
    paintDigit(find(".clean", HTMLCanvasElement), lit ? answer.picture(row, step) : null);
    pipe.classList.toggle("unlit", !lit);
    setHtml(find(".cells"), cellsMarkup(lit && isLatest(answer) ? codeNow() : null));
    const digit = lit ? answer.reads?.[row][step][0] : undefined;
    find(".redrawn").textContent = digit === undefined ? t("visit.pipe.redrawn") : t("visit.pipe.redrawnAs", digit);
    pipe.setAttribute("aria-label", t("visit.pipe.label"));
  }
  setHtml(find(".code"), withTerms(t("visit.pipe.code")));
  on("comparison sweep factor version shownModels theme", () => {
    const model = state.shownModels.find(({ name }) => name === props.code);
    pipe.hidden = state.shownModels.length > 0 && !model;
    if (hasInk() || !pipe.classList.contains("unlit")) show();
  });
  show();
}
