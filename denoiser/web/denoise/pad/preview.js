/* What the models see: the digit, fitted to 28 x 28 pixels, and what the referee reads in it. */
import { hasInk } from "../../shell/drawing.js";
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { percent } from "../../shell/numbers.js";
import { paintDigit } from "../../shell/pixels.js";
import { on, state } from "../../shell/store.js";

/** What an input is that is no digit. */
export const NON_DIGITS = {
  letter: t("denoise.preview.letter"),
  blank: t("denoise.preview.blankPage"),
  noise: t("denoise.preview.pureNoise"),
};

function captionOf(isLit, nonDigit, isRead) {
  if (nonDigit) return NON_DIGITS[nonDigit];
  if (isRead) return t("common.reads");
  if (isLit) return t("common.yourDigit");
  return hasInk() && !state.ghost ? "" : t("denoise.pad.pointers");
}

function labelOf(isLit, nonDigit, reading) {
  if (!isLit) return t("denoise.preview.nothingYet");
  if (nonDigit) return t("denoise.preview.modelsSee", NON_DIGITS[nonDigit]);
  return reading ? t("denoise.preview.fittedDigitReads", reading[0]) : t("denoise.preview.fittedDigit");
}

/** @param {HTMLElement} element  of the pad */
export function mountPreview(element) {
  const find = finder(element);
  const canvas = find(".sees", HTMLCanvasElement);
  const caption = find(".what");
  const probability = find(".sure");
  on("digit reading nonDigit version theme", ({ digit, reading, nonDigit, label, ghost }) => {
    const isLit = digit !== null && hasInk() && !ghost;
    canvas.hidden = !isLit;
    const isRead = isLit && !nonDigit && reading !== null && !ghost;
    canvas.classList.toggle("unlit", !isLit);
    paintDigit(canvas, isLit ? digit : null);
    caption.textContent = captionOf(isLit, nonDigit, isRead);
    if (isRead) caption.append(" ", Object.assign(document.createElement("b"), { textContent: reading[0] }));
    if (isLit && label !== null) caption.append(t("denoise.preview.labelled", label));
    probability.textContent = isRead ? percent(reading[1]) : "";
    canvas.setAttribute("aria-label", labelOf(isLit, nonDigit, reading));
  });
}
