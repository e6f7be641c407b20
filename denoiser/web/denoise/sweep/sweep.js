/* Below the cards: the sweep as curves, as breaking points and as a film strip, on one axis of noise factors. */
import { nearestStep, NOISE_FACTORS, NOISY_STYLE } from "../../shell/constants.js";
import { hasInk } from "../../shell/drawing.js";
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { clamp } from "../../shell/numbers.js";
import { on, set, state } from "../../shell/store.js";
import { mountBreaks } from "./breaks.js";
import { mountCurves } from "./curves.js";
import { mountFilmStrip } from "./film_strip.js";
import { mountReader } from "./reader.js";

/** @typedef {import("../../shell/store.js").Model} Model */

const NOISY = { name: "noisy", label: t("common.noisy"), style: NOISY_STYLE };
const COLUMNS = [11, 6, 5, 3]; // frames in a row of the film strip: each divides the sweep evenly

/**
 * What follows from the width of the window.
 * @typedef {object} Axis
 * @property {number} width  of the plot, in pixels
 * @property {number} height  of the plot, in pixels
 * @property {number} left  of the plot, in pixels from the left of what the cursor stands on
 * @property {number} columns  frames in a row of the film strip
 * @property {(factor: number) => number} x  where a noise factor lies, in pixels from the left of the plot
 */

/** @param {import("../../shell/mount.js").Context<{hasCleanReader: boolean}>} context */
export function mount({ element, props }) {
  const find = finder(element);
  const plot = find(".plot", SVGElement);
  const columnHeads = find(".columns .frames");
  /** @type {Model[]} */
  let rows = [];
  const curves = mountCurves(element);
  const showBreaks = mountBreaks(element);
  const filmStrip = mountFilmStrip(element);
  if (props.hasCleanReader) mountReader(element);

  /** @returns {Axis} */
  function axis() {
    const { width, height, left } = plot.getBoundingClientRect();
    const frame = width > 800 ? 84 : innerWidth > 700 ? 42 : 44;
    return {
      width,
      height,
      left: left - find(".against").getBoundingClientRect().left,
      columns: COLUMNS.find((n) => n * frame <= columnHeads.clientWidth) ?? COLUMNS.at(-1),
      x: (factor) => frame / 2 + factor * (width - frame),
    };
  }
  /** The sweep, where it is of the present models. */
  const currentSweep = () => (hasInk() && state.sweep?.names.length === rows.length ? state.sweep : null);

  /** As it was drawn: to measure it at each move of the slider would lay out the page each time. */
  let shared = axis();
  function draw() {
    if (state.drawing) return;
    const sweep = currentSweep();
    shared = axis();
    curves.draw(rows, sweep, shared);
    showBreaks(rows, sweep, shared);
    filmStrip.show(rows, sweep, shared);
    curves.moveCursor(rows, sweep, shared, state.factor);
  }
  on("shownModels", ({ shownModels }) => {
    rows = [NOISY, ...shownModels];
    curves.showLegend(rows);
  });
  /* between a stroke and its sweep the old one stays: nothing flickers */
  on("sweep theme version shownModels", ({ sweep }) => {
    if (sweep || !hasInk() || !plot.hasChildNodes()) draw();
  });
  on("factor", () => curves.moveCursor(rows, currentSweep(), shared, state.factor));
  new ResizeObserver(draw).observe(plot);

  /* a press on the curves, or a drag along them, sets the noise factor */
  function follow({ clientX }) {
    const { x } = axis();
    const share = (clientX - plot.getBoundingClientRect().left - x(0)) / (x(1) - x(0));
    set({ factor: NOISE_FACTORS[nearestStep(clamp(share, 0, 1))] });
  }
  plot.onpointerdown = (event) => {
    plot.setPointerCapture(event.pointerId);
    follow(event);
  };
  plot.onpointermove = (event) => {
    if (plot.hasPointerCapture(event.pointerId)) follow(event);
  };
}
