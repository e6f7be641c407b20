/* The film strip: rows are models, columns noise factors. A frame sets the noise factor; all of it can be saved. */
import { LAST_STEP, NOISE_FACTORS, NOISE_KINDS } from "../../shell/constants.js";
import { closestTarget, finder, html, setHtml } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { download } from "../../shell/navigation.js";
import { clamp } from "../../shell/numbers.js";
import { pictureSheet } from "../../shell/pictures/picture_sheet.js";
import { paintDigit, SIDE } from "../../shell/pixels.js";
import { set, state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";

/** @typedef {import("../../shell/store.js").Model} Model */
/** @typedef {import("../board/sweep_client.js").Comparison} Comparison */

const KEYS = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, -LAST_STEP],
  End: [0, LAST_STEP],
};
const SAVED_COLUMNS = 11;

/** The steps of the sweep that so many columns show. */
const stepsOf = (columns) => Array.from({ length: columns }, (_, i) => Math.round((i * LAST_STEP) / (columns - 1)));

/** A row of frames, as markup. */
function rowMarkup({ label, style }, steps) {
  const frame = (step) => {
    const description = t("denoise.page.atFactor", label, NOISE_FACTORS[step].toFixed(2));
    return html`<button type="button" tabindex="-1" data-step="${step}" aria-label="${description}">
      <canvas class="px" width="28" height="28"></canvas>
    </button>`;
  };
  return html`<div class="strip">
    <div class="who">
      <span class="label"><i class="swatch" style="--c:${style.colour}"></i>${label}</span>
    </div>
    <div class="frames">${steps.map(frame)}</div>
  </div>`;
}

/** The strip as one picture, for a file. */
function pictureOf(rows, sweep) {
  const side = SIDE * 3;
  const gap = 6;
  const left = 132; // for the names
  const top = 20; // for the noise factors
  const steps = stepsOf(SAVED_COLUMNS);
  const frame = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const heading = t("denoise.filmStrip.heading", localize(NOISE_KINDS[state.kind].label), state.seed);
  const [width, height] = [left + steps.length * (side + gap) + gap, top + rows.length * (side + gap)];
  const { canvas, context, write } = pictureSheet(width, height, heading);
  steps.forEach((step, i) => {
    write(NOISE_FACTORS[step].toFixed(1), left + i * (side + gap) + side / 2 - 8, 12, { font: "400 13px" });
  });
  rows.forEach(({ label }, row) => {
    const y = top + row * (side + gap);
    write(label, 16, y + side / 2 + 4, { room: left - 24 });
    if (sweep.broken[row]) return;
    steps.forEach((step, i) => {
      paintDigit(frame, sweep.picture(row, step));
      context.drawImage(frame, left + i * (side + gap), y, side, side);
    });
  });
  return canvas;
}

/** @param {HTMLElement} element  of the component */
export function mountFilmStrip(element) {
  const find = finder(element);
  const strips = find(".strips");
  const heads = find(".columns .frames");
  const save = find(".save", HTMLButtonElement);
  /** @type {{rows: Model[], sweep: Comparison | null}} */
  let shown = { rows: [], sweep: null };

  /* the strip is one stop for the Tab key; arrow keys move within it */
  let [currentRow, currentColumn] = [0, 0];
  function move(down, across, focus = true) {
    const buttons = [...strips.children].map((strip) => [...strip.querySelectorAll("button")]);
    currentRow = clamp(currentRow + down, 0, buttons.length - 1);
    currentColumn = clamp(currentColumn + across, 0, buttons[0].length - 1);
    for (const button of buttons.flat()) button.tabIndex = -1;
    const button = buttons[currentRow][currentColumn];
    button.tabIndex = 0;
    if (focus) button.focus();
  }
  strips.onkeydown = (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    const [down, across] = KEYS[event.key];
    move(down, across);
  };
  strips.onclick = (event) => {
    const button = closestTarget(event, "button");
    if (!button) return;
    currentRow = [...strips.children].indexOf(button.closest(".strip"));
    currentColumn = [...button.parentElement.children].indexOf(button);
    move(0, 0);
    set({ factor: NOISE_FACTORS[button.dataset.step] });
  };
  save.onclick = () => {
    download(pictureOf(shown.rows, shown.sweep).toDataURL("image/png"), `denoiser-${state.kind}-${state.seed}.png`);
    say(t("denoise.filmStrip.saved"));
  };

  return {
    /**
     * @param {Model[]} rows
     * @param {Comparison | null} sweep  null for empty frames
     * @param {import("./sweep.js").Axis} axis
     */
    show(rows, sweep, { columns }) {
      const hadFocus = strips.contains(document.activeElement);
      const steps = stepsOf(columns);
      shown = { rows, sweep };
      save.disabled = !sweep;
      setHtml(
        heads,
        steps.map((step) => html`<span>${NOISE_FACTORS[step].toFixed(1)}</span>`),
      );
      setHtml(
        strips,
        rows.map((row) => rowMarkup(row, steps)),
      );
      [...strips.children].forEach((strip, row) => {
        for (const button of strip.querySelectorAll("button")) {
          const canvas = button.querySelector("canvas");
          canvas.classList.toggle("unlit", !sweep || sweep.broken[row]);
          if (sweep) paintDigit(canvas, sweep.picture(row, +button.dataset.step));
        }
      });
      move(0, 0, hadFocus);
    },
  };
}
