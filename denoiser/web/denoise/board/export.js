/* What leaves the page: one card's picture as a file, or the whole board on the clipboard. */
import { NOISE_KINDS } from "../../shell/constants.js";
import { localize, t } from "../../shell/i18n.js";
import { download } from "../../shell/navigation.js";
import { SIDE } from "../../shell/pixels.js";
import { state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";

const MAX_ACROSS = 6; // cards in a row of the picture
const SHOT = 168; // pixels of a card's digit
const GAP = 16;
const TOP = 44;
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

/** All cards as one picture. */
function boardPicture(rows, cards) {
  const across = Math.min(MAX_ACROSS, rows.length);
  const canvas = newCanvas(GAP + across * (SHOT + GAP), TOP + Math.ceil(rows.length / across) * CARD_HEIGHT);
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.body);
  const token = (name) => style.getPropertyValue(name).trim();
  const write = (text, x, y, font, colour) => {
    context.font = `${font} 'Source Sans 3', system-ui, sans-serif`;
    context.fillStyle = token(colour);
    context.fillText(text, x, y, SHOT);
  };
  context.fillStyle = token("--bg");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.font = "14px sans-serif";
  context.fillStyle = token("--ink-2");
  context.fillText(noiseText(state), GAP, 26);
  cards.forEach(({ card, canvas: shot, psnr, ssim, digit, sure }, i) => {
    const x = GAP + (i % across) * (SHOT + GAP);
    const y = TOP + Math.floor(i / across) * CARD_HEIGHT;
    const figures = state.isNoisyInput ? "" : `${psnr.textContent} dB, SSIM ${ssim.textContent}`;
    context.fillStyle = getComputedStyle(card.querySelector(".swatch")).backgroundColor;
    context.fillRect(x, y + 2, 10, 10);
    write(rows[i].label, x + 16, y + 12, "600 14px", "--ink");
    context.drawImage(shot, x, y + 20, SHOT, SHOT);
    write(figures, x, y + SHOT + 38, "13px", "--ink-2");
    write(`${digit.textContent} ${sure.textContent}`, x, y + SHOT + 56, "13px", "--ink-2");
  });
  return canvas;
}

/**
 * @param {any} element  of the board
 * @param {() => {rows: any[], cards: any[]}} shown  the rows and their cards now
 */
export function mountExport(element, shown) {
  const isEmpty = () => shown().cards[0].canvas.classList.contains("unlit");
  element.querySelector(".cards").addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    if (!event.target.closest(".save") || isEmpty()) return;
    const picture = enlarged(card.querySelector("canvas"));
    download(picture.toDataURL("image/png"), `${card.dataset.model}-${noiseName(state)}.png`);
  });
  element.querySelector(".copy").onclick = async () => {
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
