/* The tray: a picture with several digits, the number in it, and each digit to be taken to the pad. */
import { fromBase64 } from "../../shell/base64.js";
import { rememberDrawing, setDrawing } from "../../shell/drawing.js";
import { closestTarget, findAll, finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { clamp, percent } from "../../shell/numbers.js";
import { paintDigit } from "../../shell/pixels.js";
import { on, set, state } from "../../shell/store.js";
import { lay, WHOLE } from "../picture_part.js";

const MARGIN = 0.5; // paper around the number that is shown, in heights of its digits
const UNSURE = 0.9; // probability of a digit below which it is marked as doubtful

/**
 * A digit, a point, a hyphen, or "*" for something else. Its box is left, top, width and height as shares of the
 * picture; digits have two pictures, base64 of 784 bytes.
 * @typedef {{name: string, probability: number, box: number[], framed?: string, cleaned?: string}} Mark
 */

/**
 * The part of the picture in which the marks are: left, top, width and height as shares of it.
 * @param {Mark[]} marks
 * @param {number[]} size  width and height of the picture
 */
function cropAround(marks, [width, height]) {
  const tallest = Math.max(...marks.map(({ box }) => box[3]));
  const [across, down] = [(MARGIN * tallest * height) / width, MARGIN * tallest];
  const left = clamp(Math.min(...marks.map(({ box }) => box[0])) - across, 0, 1);
  const top = clamp(Math.min(...marks.map(({ box }) => box[1])) - down, 0, 1);
  const right = clamp(Math.max(...marks.map(({ box }) => box[0] + box[2])) + across, 0, 1);
  const bottom = clamp(Math.max(...marks.map(({ box }) => box[1] + box[3])) + down, 0, 1);
  return [left, top, right - left, bottom - top];
}

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  const tray = find(".number-tray");
  const photo = find(".photo");
  const image = tray.querySelector("img");
  /** The marks of the number that is shown. @type {Mark[]} */
  let marks = [];
  /** What had the focus before the tray opened. @type {HTMLElement | null} */
  let focused = null;

  const buttons = () => findAll(tray, "button[data-mark]");
  const boxes = () => findAll(tray, ".boxes [data-mark]");

  function showPicture({ url, size }) {
    const crop = cropAround(marks, size);
    photo.hidden = false;
    image.src = url;
    lay(image, WHOLE, crop);
    const ratio = (crop[2] * size[0]) / (crop[3] * size[1]);
    photo.style.aspectRatio = String(ratio);
    photo.style.setProperty("--ratio", String(ratio));
    setHtml(
      find(".boxes"),
      marks.map(({ framed }, i) => (framed ? html`<i data-mark="${i}"></i>` : html`<i></i>`)),
    );
    findAll(tray, ".boxes > *").forEach((box, i) => lay(box, marks[i].box, crop));
  }

  function showDigits(rows) {
    let next = 0;
    setHtml(
      find(".digits"),
      rows.map((row) => {
        const parts = row.map(({ name, probability, framed }) => {
          const i = next++;
          if (!framed) return html`<i title="${name === "*" ? t("denoise.numberTray.notDigit") : ""}">${name}</i>`;
          return html`<button
            type="button"
            data-mark="${i}"
            class="${probability < UNSURE ? "unsure" : ""}"
            aria-pressed="false"
            aria-label="${t("denoise.numberTray.digit", name, percent(probability))}"
          >
            <canvas class="px" width="28" height="28"></canvas><span>${name}</span
            ><small>${percent(probability)}</small>
          </button>`;
        });
        return html`<div>${parts}</div>`;
      }),
    );
  }

  function paint() {
    for (const button of buttons())
      paintDigit(button.querySelector("canvas"), fromBase64(marks[button.dataset.mark].cleaned));
  }

  function open(number) {
    marks = number.rows.flat();
    const others = number.alternatives.map(([text, p]) => t("denoise.numberTray.withProbability", text, percent(p)));
    find(".number b").textContent = number.text;
    find(".number .sure").textContent = percent(number.probability);
    find(".number .others").textContent = others.length
      ? t("denoise.numberTray.others", others.join(t("common.comma")))
      : "";
    showPicture(number);
    showDigits(number.rows);
    paint();
    focused = /** @type {HTMLElement} */ (document.activeElement);
    tray.hidden = false;
    tray.focus({ preventScroll: true });
    tray.scrollIntoView({ block: "nearest" });
  }

  function close() {
    if (tray.hidden) return;
    const hadFocus = tray.contains(document.activeElement);
    tray.hidden = true;
    image.removeAttribute("src");
    if (hadFocus) focused?.focus();
  }

  /** Which digit is on the pad. */
  function press() {
    const isOnPad = ({ dataset }) => state.picture === marks[dataset.mark].framed;
    for (const button of buttons()) button.setAttribute("aria-pressed", String(isOnPad(button)));
    for (const box of boxes()) box.classList.toggle("on", isOnPad(box));
  }

  tray.onclick = (event) => {
    const chosen = closestTarget(event, "[data-mark]");
    if (!chosen) return;
    rememberDrawing();
    setDrawing({ picture: marks[chosen.dataset.mark].framed });
  };
  tray.onkeydown = (event) => {
    if (event.key === "Escape") set({ number: null });
  };
  find(".close").onclick = () => set({ number: null });
  image.onerror = () => {
    photo.hidden = true; // a format that the server reads and this browser does not
  };
  let shown = null;
  on("number", ({ number }) => {
    if (number === shown) return;
    if (shown) URL.revokeObjectURL(shown.url);
    shown = number;
    if (number) open(number);
    else close();
    press();
  });
  on("picture", press);
  on("theme", paint);
}
