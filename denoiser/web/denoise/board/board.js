/* One card per model: the same drawing, the same noise. */
import { nearestStep } from "../../shell/constants.js";
import { hasInk } from "../../shell/drawing.js";
import { closestTarget, findAll, finder, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { openPage } from "../../shell/navigation.js";
import { clamp } from "../../shell/numbers.js";
import { SIDE } from "../../shell/pixels.js";
import { on, set, state } from "../../shell/store.js";
import { showGhost } from "../visit/ghost.js";
import { startTerms } from "../visit/terms.js";
import { NON_DIGITS } from "../pad/preview.js";
import { isLatest, latestAnswer } from "./answer.js";
import { cardMarkup, decibels, missingMarkup, NOISY, partsOf, showCard } from "./cards.js";
import { mountExport } from "./export.js";
import { mountModelPicker } from "./model_picker.js";
import { startSweepClient } from "./sweep_client.js";

/** @typedef {import("../../shell/constants.js").LineStyle} LineStyle */
/** @typedef {import("../../shell/i18n.js").Text} Text */
/** @typedef {import("../../shell/store.js").Model} Model */
/** @typedef {import("./cards.js").CardParts} CardParts */

/** How far the arrow keys move the divider of the wipe. */
const WIPE_KEYS = {
  ArrowLeft: -1 / SIDE,
  ArrowDown: -1 / SIDE,
  ArrowRight: 1 / SIDE,
  ArrowUp: 1 / SIDE,
  PageDown: -0.25,
  PageUp: 0.25,
  Home: -1,
  End: 1,
};

const GAP = 6; // pixels between two cards, at least
const MIN_CARD = { phone: 46, wide: 112 };
const isPhone = matchMedia("(max-width: 700px)");

/** The PSNR of each row of an answer at one of its noise factors; a model that failed is below all. */
const psnrAt = ({ names, broken, psnr }, step) =>
  names.map((_, row) => (broken[row] ? -Infinity : (psnr[row][step] ?? Infinity)));

const indexOfMax = (values) => values.indexOf(Math.max(...values));

/** One divider for all cards: the first card's can be reached by keyboard. */
function makeSlider(divider) {
  const attributes = {
    role: "slider",
    tabindex: "0",
    "aria-label": t("denoise.board.divider"),
    "aria-valuemin": "0",
    "aria-valuemax": "100",
  };
  for (const [name, value] of Object.entries(attributes)) divider.setAttribute(name, value);
}

/**
 * @typedef {object} Props
 * @property {any[]} models  all there are: a Model of each, but its label and title are Texts (see i18n.js)
 * @property {{name: string, label: Text, featured: boolean}[]} missing  those that could not be loaded
 * @property {string[]} featured  names
 * @property {Record<string, LineStyle[]>} user_model_styles  for the visitor's own models, by family
 * @property {string} recording  the address of the recorded first visit
 * @param {import("../../shell/mount.js").Context<Props>} context
 */
export function mount({ element, props, server }) {
  const find = finder(element);
  const list = find(".cards");
  const box = find(".cards-box");
  /** @type {Model[]} */
  let rows = [];
  /** @type {CardParts[]} */
  let cards = [];
  const forget = mountModelPicker(find(".choose", HTMLDetailsElement), props);

  on("shownModels", ({ shownModels }) => {
    rows = [NOISY, ...shownModels];
    const missing = props.missing.filter((model) => model.featured);
    setHtml(list, [...rows.map(cardMarkup), ...missing.map(missingMarkup)]);
    cards = findAll(list, ".card:not(.missing)").map(partsOf);
    makeSlider(cards[0].divider);
    arrange();
  });
  /* as few rows as there is room for, and as many cards in each */
  function arrange() {
    const { length } = list.children;
    const across = Math.max(
      2,
      Math.floor((box.clientWidth + GAP) / (MIN_CARD[isPhone.matches ? "phone" : "wide"] + GAP)),
    );
    const columns = Math.ceil(length / Math.ceil(length / across));
    list.style.setProperty("--n", String(columns));
    list.classList.toggle("few", columns < 4);
  }
  new ResizeObserver(arrange).observe(box);
  startSweepClient(server, forget);

  function show() {
    const { answer, step, isStale } = latestAnswer();
    const figures = answer?.psnr;
    const best = figures ? indexOfMax(psnrAt(answer, step)) : -1;
    list.dataset.view = state.view;
    list.classList.toggle("stale", isStale && (state.offline || state.waiting > 0));
    rows.forEach((row, index) => {
      cards[index].card.classList.toggle("best", index === best);
      showCard(cards[index], row, { answer, index, step, state });
    });
  }
  on("comparison sweep factor view wipe theme version shownModels offline waiting", show);

  on("ghost version", ({ ghost }) => document.body.classList.toggle("ghosted", ghost));

  /* what came of the drawing, for screen readers, once its sweep is there; nothing old is left standing */
  function spokenResult({ sweep, factor, nonDigit }) {
    if (!hasInk()) return "";
    if (nonDigit) return t("denoise.board.noDigit", NON_DIGITS[nonDigit]);
    if (!isLatest(sweep) || !sweep.psnr || !sweep.reading || sweep.names.length !== rows.length) return "";
    const step = nearestStep(factor);
    const best = indexOfMax(psnrAt(sweep, step));
    const clean = sweep.reading[0];
    const misread = rows.filter((_, r) => !sweep.broken[r] && sweep.reads[r][step][0] !== clean);
    const misreadLabels = misread.map((row) => row.label).join(t("common.comma"));
    const psnr = decibels(sweep.psnr[best][step]);
    return [
      t("denoise.board.best", factor.toFixed(2), rows[best].label, psnr),
      misread.length ? t("denoise.board.misread", misreadLabels) : t("denoise.board.allReadAs", clean),
    ].join(" ");
  }
  const status = find("[role=status]");
  on("sweep version isNoisyInput", () => {
    const said = spokenResult(state);
    if (status.textContent !== said) status.textContent = said;
  });

  /* the divider of the wipe follows a pointer that is pressed over any card, and the arrow keys */
  const moveDivider = (position) => set({ wipe: clamp(position, 0, 1) });
  const followPointer = (/** @type {PointerEvent} */ event) => {
    const shot = closestTarget(event, ".shot");
    if (!shot || state.view !== "wipe" || !event.buttons) return;
    const box = shot.getBoundingClientRect();
    moveDivider((event.clientX - box.left) / box.width);
  };
  list.addEventListener("pointerdown", followPointer);
  list.addEventListener("pointermove", followPointer);
  list.addEventListener("keydown", (event) => {
    if (!closestTarget(event, ".divider") || !(event.key in WIPE_KEYS)) return;
    event.preventDefault();
    moveDivider(state.wipe + WIPE_KEYS[event.key]);
  });

  list.addEventListener("click", (event) => {
    const index = [...list.children].indexOf(closestTarget(event, ".card"));
    if (!closestTarget(event, ".about")) return;
    if (rows[index].userModelId) return openPage("train");
    set({ requestedModel: rows[index].name });
    openPage("models");
  });
  startTerms();
  showGhost(props.recording).catch(() => {}); // an empty pad then
  mountExport(element, () => ({ rows, cards }));
}
