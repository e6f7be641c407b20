/* The cards: their markup, and what each shows. */
import { NOISE_KINDS, NOISY_STYLE } from "../../shell/constants.js";
import { finder, html } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { percent } from "../../shell/numbers.js";
import { greyWord, mix, paintDigit, SIDE, themeColour, toWord } from "../../shell/pixels.js";
import { term, withTerms } from "../visit/terms.js";
import { MISSING } from "./model_picker.js";

const FAILED = t("denoise.cards.failed");
const FAR = 0.25; // a noise factor this far from those of the training is noted

/** The first card: the noisy picture itself. */
export const NOISY = {
  name: "noisy",
  label: t("common.noisy"),
  family: "noisy",
  trained: null,
  style: NOISY_STYLE,
};

const SAVE_ICON = html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
  <path d="M10 4v9M6.500 10 10 13.500 13.500 10M4 16.500h12" />
</svg>`;

/** A number of decibels; null is infinitely many. */
export const decibels = (value) => (value === null ? "∞" : value.toFixed(1));

function nameMarkup(row) {
  const name = html`<i class="swatch"></i><b>${row.label}</b>`;
  if (row === NOISY) return html`<span>${name}</span>`;
  const title = t("denoise.cards.about", row.name);
  return html`<button type="button" class="about" title="${title}">${name}</button>`;
}

/** What the network of a row is, in one line. */
function ideaOf({ name, family, latent }) {
  const own = t(`visit.idea.${name}`);
  return own === `visit.idea.${name}` ? t(`visit.idea.${family}`, latent) : own;
}

/** The card of a row; the first explains the terms that are on all of them to whoever comes by keyboard. */
export const cardMarkup = (row) =>
  html` <li class="card" data-testid="card" data-model="${row.name}" style="--c:${row.style.colour}">
    <div class="name">${nameMarkup(row)}<em>${t("denoise.cards.best")}</em></div>
    <div class="idea">${withTerms(ideaOf(row))}</div>
    <div class="shot">
      <canvas class="px" width="28" height="28" role="img"></canvas><b class="hole" hidden></b><b class="divider"></b
      ><button
        type="button"
        class="save"
        aria-label="${t("denoise.cards.savePictureOf", row.label)}"
        title="${t("denoise.cards.savePicture")}"
      >
        ${SAVE_ICON}
      </button>
    </div>
    <div class="reads">
      <span class="digit"
        ><span class="word">${term("reads", t("common.reads"), row === NOISY)}</span> <b></b>
        <span class="wrong" hidden></span></span
      ><span class="sure"></span>
    </div>
    <div class="meter"><i></i></div>
    <div class="figures">
      <span>${term("psnr", "PSNR", row === NOISY)} <b class="psnr"></b> <u>dB</u></span
      ><span>${term("ssim", "SSIM", row === NOISY)} <b class="ssim"></b></span>
    </div>
    <div class="note"></div>
  </li>`;

/** The card of a model that could not be loaded. */
export const missingMarkup = ({ name, label }) =>
  html` <li class="card missing">
    <div class="name">
      <span>${localize(label)}<small>${name}</small></span>
    </div>
    <canvas class="px unlit" width="28" height="28" role="img" aria-label="${name}: ${MISSING}"></canvas>
    <div class="note">${MISSING}</div>
  </li>`;

/**
 * The parts of a card that change.
 * @typedef {ReturnType<typeof partsOf>} CardParts
 * @param {HTMLElement} card
 */
export function partsOf(card) {
  const find = finder(card);
  return {
    card,
    canvas: card.querySelector("canvas"),
    hole: find(".hole"),
    divider: find(".divider"),
    word: find(".word"),
    digit: find(".digit b"),
    wrong: find(".wrong"),
    sure: find(".sure"),
    meter: find(".meter i"),
    psnr: find(".psnr"),
    ssim: find(".ssim"),
    note: find(".note"),
  };
}

/** The colour word of each pixel's difference from the clean digit. */
function difference(picture, digit) {
  const [film, lost, added] = ["--film", "--lost", "--added"].map(themeColour);
  return (i) => {
    const change = (picture[i] - digit[i]) / 255;
    return toWord(mix(film, change < 0 ? lost : added, Math.abs(change) ** 0.6));
  };
}

/** The colour word of each pixel: left of the divider of one picture, right of it of the other. */
function wiped(left, right, divider) {
  const edge = Math.round(divider * SIDE);
  return (i) => greyWord(i % SIDE < edge ? left[i] : right[i]);
}

/** What to know of a model under this noise: whether it was trained on the like. */
export function noteOf(row, { factor, kind, nonDigit }) {
  if (nonDigit)
    return nonDigit !== "letter" && row.family === "noisy" ? t("common.noReference") : t("denoise.cards.noDigit");
  if (!row.trained) return "";
  const [low, high] = row.trained;
  if (high === 0) return factor > 0 ? t("denoise.cards.trainedClean") : "";
  if (factor > 0 && !row.noise.includes(kind)) {
    const kinds = row.noise.map((name) => localize(NOISE_KINDS[name].label)).join(t("common.comma"));
    return t("denoise.cards.trainedOnly", kinds);
  }
  if (factor >= low - FAR && factor <= high + FAR) return "";
  return low === high ? t("denoise.cards.trainedAt", low.toFixed(2)) : t("denoise.cards.trainedRange", low, high);
}

/**
 * Show one row of an answer on its card.
 * @param {CardParts} parts  of the card
 * @param {import("../../shell/store.js").Model} row
 * @param {object} shown
 * @param {import("./sweep_client.js").Comparison | null} shown.answer  null where there is none yet
 * @param {number} shown.index  of the row
 * @param {number} shown.step  which of its noise factors
 * @param {import("../../shell/store.js").State} shown.state
 */
export function showCard(parts, row, { answer, index, step, state }) {
  const { view, wipe, digit, nonDigit, isNoisyInput } = state;
  const { canvas, divider } = parts;
  const picture = answer?.picture(index, step) ?? null;
  const failed = answer?.broken[index];
  const figures = failed ? null : answer?.psnr;
  canvas.classList.toggle("unlit", !picture);
  let wordOf;
  if (picture && digit && view === "difference" && figures) wordOf = difference(picture, digit);
  else if (picture && digit && view === "wipe") wordOf = wiped(index ? answer.picture(0, step) : digit, picture, wipe);
  paintDigit(canvas, picture, wordOf);
  showHole(parts.hole, index === 0 && picture && view === "picture" ? answer.hidden?.[step] : null);
  divider.style.left = `${wipe * 100}%`;
  if (!index) divider.setAttribute("aria-valuenow", String(Math.round(wipe * 100)));
  parts.psnr.textContent = figures ? decibels(figures[index][step]) : "–";
  parts.ssim.textContent = figures ? answer.ssim[index][step].toFixed(2) : "–";
  parts.note.textContent = failed ? FAILED : answer && !isNoisyInput ? noteOf(row, state) : "";
  const reading = failed ? undefined : answer?.reads?.[index][step];
  const clean = figures && !nonDigit ? answer.reading?.[0] : undefined;
  showReading(parts, reading, clean);
  const label = labelOf(row, answer, { failed, step, isNoisyInput });
  canvas.setAttribute("aria-label", reading ? t("denoise.cards.reads", label, reading[0], percent(reading[1])) : label);
}

/** Outline the part that the noise has hidden, black on black: top, left, bottom and right in pixels; null for none. */
function showHole(hole, square) {
  hole.hidden = !square;
  if (!square) return;
  const [top, left, bottom, right] = square.map((pixel) => `${(100 * pixel) / SIDE}%`);
  Object.assign(hole.style, { inset: `${top} calc(100% - ${right}) calc(100% - ${bottom}) ${left}` });
}

/** What the referee reads, and whether that is another digit than in the clean picture. */
function showReading({ digit, wrong, sure, meter }, reading, clean) {
  const isWrong = reading !== undefined && clean !== undefined && reading[0] !== clean;
  digit.textContent = reading ? reading[0] : "–";
  wrong.hidden = !isWrong;
  wrong.textContent = isWrong ? t("denoise.cards.misread", clean) : "";
  sure.textContent = reading ? percent(reading[1]) : "";
  meter.style.transform = `scaleX(${reading ? reading[1] : 0})`;
}

function labelOf(row, answer, { failed, step, isNoisyInput }) {
  if (failed) return `${row.label}: ${FAILED}`;
  if (!answer) return t("denoise.cards.empty", row.label);
  return isNoisyInput ? row.label : t("denoise.page.atFactor", row.label, answer.factors[step].toFixed(2));
}
