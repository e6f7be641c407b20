/* Over the pad after an upload: the picture, what was cut out of it, and how that was read. */
import { fromBase64 } from "../../shell/base64.js";
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { percent } from "../../shell/numbers.js";
import { paintDigit } from "../../shell/pixels.js";
import { on } from "../../shell/store.js";
import { lay, WHOLE } from "../picture_part.js";

/**
 * An uploaded picture.
 * @typedef {object} Upload
 * @property {string} url  of its file
 * @property {number[]} box  the part of it that the digit is cut out of, see picture_part.js
 * @property {string} picture  the digit on the pad, base64 of 784 bytes
 */

/**
 * @param {HTMLElement} element
 * @returns {(upload: Upload) => void}  shows a picture, as long as it is on the pad and the visitor does not close it
 */
export function mountPictureRead(element) {
  const find = finder(element);
  const [photo, cutOut] = element.querySelectorAll("img");
  /** @type {Upload | null} */
  let shown = null;

  function show(upload) {
    if (shown) URL.revokeObjectURL(shown.url);
    shown = upload;
    element.hidden = !upload;
    if (!upload) return;
    photo.src = cutOut.src = upload.url;
    lay(cutOut, WHOLE, upload.box);
    lay(find(".box"), upload.box, WHOLE);
    showDigit();
  }
  function showDigit() {
    if (shown) paintDigit(element.querySelector("canvas"), fromBase64(shown.picture));
  }
  photo.onload = () => {
    const ratio = photo.naturalWidth / photo.naturalHeight;
    const [, , width, height] = shown?.box ?? WHOLE;
    photo.parentElement.style.setProperty("--ratio", String(ratio));
    cutOut.parentElement.style.setProperty("--ratio", String((ratio * width) / height));
  };
  /* a format that the server reads and this browser does not */
  photo.onerror = () => show(null);
  find(".close").onclick = () => show(null);
  on("version reading isNoisyInput", ({ picture, reading, isNoisyInput }) => {
    if (!shown) return;
    if (picture !== shown.picture) return show(null);
    find(".word").textContent = isNoisyInput ? t("denoise.pictureRead.asItIs") : reading ? t("common.reads") : "";
    find("b").textContent = reading && !isNoisyInput ? String(reading[0]) : "";
    find(".sure").textContent = reading && !isNoisyInput ? percent(reading[1]) : "";
  });
  on("theme", showDigit);
  return show;
}
