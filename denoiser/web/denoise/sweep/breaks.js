/* Where each model, and the noisy picture itself, breaks: the smallest noise factor at which its picture reads as
   another digit. The server finds it; the bars show at which noise factors it reads right. */
import { LAST_STEP, nearestStep } from "../../shell/constants.js";
import { finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { clamp } from "../../shell/numbers.js";
import { paintDigit } from "../../shell/pixels.js";

/** @typedef {import("../../shell/store.js").Model} Model */
/** @typedef {import("../board/sweep_client.js").Comparison} Comparison */

const NARROW = 500; // pixels: below, the bars have a line of their own
const NAMES_WIDTH = 144; // of the names beside them then
const PICTURE = 28; // pixels
const HALF_STEP = 0.5 / LAST_STEP;

/** The runs [first, last] of steps at which a row reads as the clean digit. */
function runsOf({ reads, reading }, row) {
  /** @type {number[][]} */
  const runs = [];
  reads[row].forEach(([digit], step) => {
    if (digit !== reading[0]) return;
    if (runs.at(-1)?.[1] === step - 1) runs.at(-1)[1] = step;
    else runs.push([step, step]);
  });
  return runs;
}

/** A row's breaking point: `factor` null where it reads right throughout; the whole null where nothing can be said. */
function judge(sweep, row) {
  if (!sweep?.breaks || sweep.broken[row]) return null;
  const factor = sweep.breaks[row];
  const step = factor === null ? null : nearestStep(factor);
  return { factor, step, digit: step === null ? null : sweep.reads[row][step][0], runs: runsOf(sweep, row) };
}

/**
 * @param {HTMLElement} element  of the component
 * @returns {(rows: Model[], sweep: Comparison | null, axis: import("./sweep.js").Axis) => void} shows a sweep, or none
 */
export function mountBreaks(element) {
  const find = finder(element);
  const list = find(".breaks");
  const whole = find(".against");

  function rowMarkup({ label, style: { colour } }, row, verdict, { x, width, isNarrow }) {
    const { factor, step, digit, runs } = verdict ?? { factor: null, step: null, digit: null, runs: [] };
    const end = x(factor ?? 1);
    const bars = runs.map(([first, last]) => {
      const [left, right] = [first / LAST_STEP - HALF_STEP, last / LAST_STEP + HALF_STEP].map((f) => x(clamp(f, 0, 1)));
      return html`<i style="left:${left}px;width:${right - left}px;background:${colour}"></i>`;
    });
    const breaks = step !== null;
    const left = clamp(end - PICTURE / 2, 0, width - PICTURE);
    const picture = html`<canvas
      class="px"
      width="28"
      height="28"
      data-row="${row}"
      data-step="${step}"
      style="left:${left}px"
    ></canvas>`;
    /* the words stand where there is more room: behind the picture, or before it */
    const side = left > width / 2 ? `right:${width - left}px` : `left:${left + PICTURE}px`;
    const said = step || isNarrow ? t("common.reads") : t("denoise.breaks.withoutNoise");
    const reads = html`<span style="${side}">${said} <b>${digit}</b></span>`;
    const value = !verdict ? "–" : breaks ? factor.toFixed(2) : t("denoise.breaks.holds");
    let description = label;
    if (verdict && breaks) description = t("denoise.breaks.breaksAt", label, digit, value);
    else if (verdict) description = t("denoise.breaks.neverBreaks", label);
    return html`<div class="break" role="img" aria-label="${description}">
      <div class="who">
        <span class="label"><i class="swatch" style="--c:${colour}"></i>${label}</span><span>${value}</span>
      </div>
      <div class="lane">
        <s style="left:${x(0)}px;width:${x(1) - x(0)}px"></s>${bars}${breaks ? [picture, reads] : ""}
      </div>
    </div>`;
  }

  return (rows, sweep, axis) => {
    const isNarrow = axis.width < NARROW;
    const width = isNarrow ? Math.max(PICTURE, whole.clientWidth - NAMES_WIDTH) : axis.width;
    const x = (factor) => PICTURE / 2 + factor * (width - PICTURE);
    const layout = { isNarrow, width, x: isNarrow ? x : axis.x };
    setHtml(
      list,
      rows.map((row, i) => rowMarkup(row, i, judge(sweep, i), layout)),
    );
    for (const canvas of list.querySelectorAll("canvas"))
      paintDigit(canvas, sweep.picture(+canvas.dataset.row, +canvas.dataset.step));
  };
}
