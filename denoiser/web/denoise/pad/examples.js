/* Example digits, and inputs that are no digit: a letter, a blank page, pure noise. */
import { fromBase64 } from "../../shell/base64.js";
import { rememberDrawing, setDrawing } from "../../shell/drawing.js";
import { closestTarget, findAll, finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { paintDigit } from "../../shell/pixels.js";
import { loadJson } from "../../shell/static_data.js";
import { on } from "../../shell/store.js";
import { say } from "../../shell/toast.js";

const DIGITS = "0123456789";
const LETTER = "A";
const PAUSE = 0.3; // seconds between two strokes
const SPEED = 0.9; // of the pen, in sides of the pad per second

/** Examples are points only: give them the time a hand takes, so that they can be replayed and drawn on. */
export function timed(strokes) {
  let seconds = -PAUSE;
  return strokes.map((points) => {
    seconds += PAUSE;
    return points.map(([x, y], i) => {
      if (i) seconds += Math.hypot(x - points[i - 1][0], y - points[i - 1][1]) / SPEED;
      return [x, y, Math.round(seconds * 1000) / 1000, 0];
    });
  });
}

/**
 * @param {HTMLElement} element  of the pad
 * @param {string} address  of the examples' file
 * @returns {{draw: (name: string) => void, press: (name: string | null) => void}} draws an example; marks one as shown
 */
export function mountExamples(element, address) {
  const tray = finder(element)(".tray");
  setHtml(
    tray,
    [...DIGITS].map(
      (name) =>
        html`<button
          type="button"
          data-name="${name}"
          aria-label="${t("common.example", name)}"
          aria-pressed="false"
          disabled
        >
          <canvas class="px" width="28" height="28"></canvas>
        </button>`,
    ),
  );
  const digits = findAll(tray, "button", HTMLButtonElement);
  const nonDigits = findAll(element, "[data-non-digit]", HTMLButtonElement);
  /** @type {Record<string, {strokes: number[][][], pixels: string}>} */
  let examples = {};

  function paint() {
    for (const button of digits) {
      const example = examples[button.dataset.name];
      if (example) paintDigit(button.querySelector("canvas"), fromBase64(example.pixels));
    }
  }
  async function load() {
    examples = await loadJson(address);
    for (const button of [...digits, ...nonDigits]) button.disabled = false;
    paint();
  }
  const press = (name) => {
    for (const button of digits) button.setAttribute("aria-pressed", String(button.dataset.name === name));
  };
  function draw(name) {
    if (!examples[name]) return; // not loaded yet
    rememberDrawing();
    setDrawing({ strokes: timed(examples[name].strokes) });
    press(name);
  }
  tray.onclick = (event) => {
    const button = closestTarget(event, "button");
    if (button) draw(button.dataset.name);
  };
  for (const button of nonDigits)
    button.onclick = () => {
      const nonDigit = /** @type {import("../../shell/store.js").Drawing["nonDigit"]} */ (button.dataset.nonDigit);
      press(null);
      rememberDrawing();
      setDrawing({ nonDigit, strokes: nonDigit === "letter" ? timed(examples[LETTER].strokes) : [] });
    };
  on("theme", paint);
  load().catch(() => say(t("common.examplesMissing")));
  return { draw, press };
}
