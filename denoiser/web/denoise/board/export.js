/* What leaves the page: one card's picture as a file, or the whole board on the clipboard. */
import { NOISE_KINDS } from "../../shell/constants.js";
import { closestTarget, finder } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { download } from "../../shell/navigation.js";
import { pictureSheet } from "../../shell/pictures/picture_sheet.js";
import { paintDigit, SIDE } from "../../shell/pixels.js";
import { state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";

/** @typedef {import("../../shell/store.js").Model} Model */
/** @typedef {import("./cards.js").CardParts} CardParts */

const MAX_ACROSS = 7; // digits in a row of the picture
const SHOT = 168; // pixels of a card's digit
const GAP = 16;
const CARD_HEIGHT = SHOT + 78;

const newCanvas = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

/** The noise, for the name of a file. */
const noiseName = ({ isNoisyInput, kind, factor, seed }) =>
  isNoisyInput ? "already-noisy" : `${kind}-${factor.toFixed(2)}-${seed}`;

/** The noise, for people. */
function noiseText({ isNoisyInput, kind, factor, seed }) {
  if (isNoisyInput) return t("denoise.export.noisyAlready");
  return t("denoise.export.noise", localize(NOISE_KINDS[kind].label), factor.toFixed(2), seed);
}

function enlarged(canvas) {
  const large = newCanvas(SIDE * 10, SIDE * 10);
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, large.width, large.height);
  return large;
}

/**
 * What the referee reads on a card, in words.
 * @param {CardParts} card
 */
function readingText({ word, digit, wrong, sure }) {
  const parts = [`${word.textContent} ${digit.textContent}`, wrong.hidden ? "" : wrong.textContent, sure.textContent];
  return parts.filter(Boolean).join(t("common.comma"));
}

/**
 * The clean digit, where there is one, and all cards as one picture.
 * @param {Model[]} rows
 * @param {CardParts[]} cards
 */
function boardPicture(rows, cards) {
  const { digit, isNoisyInput } = state;
  const clean = isNoisyInput ? null : digit;
  const count = rows.length + (clean ? 1 : 0);
  const across = Math.min(MAX_ACROSS, count);
  const height = Math.ceil(count / across) * CARD_HEIGHT;
  const { canvas, context, write } = pictureSheet(GAP + across * (SHOT + GAP), height, noiseText(state));
  const placeOf = (i) => [GAP + (i % across) * (SHOT + GAP), Math.floor(i / across) * CARD_HEIGHT];
  const line = (text, x, y, font = "400 13px", colour = "--ink-2") => write(text, x, y, { font, colour, room: SHOT });
  if (clean) {
    const picture = newCanvas(SIDE, SIDE);
    const [x, y] = placeOf(0);
    paintDigit(picture, clean);
    line(t("denoise.export.clean"), x, y + 12, "600 14px", "--ink");
    context.drawImage(picture, x, y + 20, SHOT, SHOT);
  }
  cards.forEach((parts, i) => {
    const { card, canvas: shot, psnr, ssim } = parts;
    const [x, y] = placeOf(i + count - rows.length);
    context.fillStyle = getComputedStyle(card.querySelector(".swatch")).backgroundColor;
    context.fillRect(x, y + 2, 10, 10);
    line(rows[i].label, x + 16, y + 12, "600 14px", "--ink");
    context.drawImage(shot, x, y + 20, SHOT, SHOT);
    if (clean) line(`${psnr.textContent} dB, SSIM ${ssim.textContent}`, x, y + SHOT + 38);
    line(readingText(parts), x, y + SHOT + 56);
  });
  return canvas;
}

/**
 * @param {HTMLElement} element  of the board
 * @param {() => {rows: Model[], cards: CardParts[]}} shown  the rows and their cards now
 */
export function mountExport(element, shown) {
  const isEmpty = () => shown().cards[0].canvas.classList.contains("unlit");
  const find = finder(element);
  find(".cards").addEventListener("click", (event) => {
    const card = closestTarget(event, ".card");
    if (!closestTarget(event, ".save") || isEmpty()) return;
    const picture = enlarged(card.querySelector("canvas"));
    download(picture.toDataURL("image/png"), `${card.dataset.model}-${noiseName(state)}.png`);
  });
  find(".copy").onclick = async () => {
    if (isEmpty()) return say(t("denoise.export.nothingYet"));
    const { rows, cards } = shown();
    const picture = boardPicture(rows, cards);
    const blob = await new Promise((resolve) => picture.toBlob(resolve));
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      say(t("denoise.export.copied"));
    } catch {
      download(picture.toDataURL("image/png"), `denoiser-${noiseName(state)}.png`);
      say(t("denoise.export.saved"));
    }
  };
}
