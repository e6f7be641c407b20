/* Where the originals differ: each pixel's standard deviation over the twelve, on the denoiser's answer. */
import { finder } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { clamp } from "../shell/numbers.js";
import { mix, paintDigit, PIXELS, SIDE, themeColour, toWord } from "../shell/pixels.js";
import { on, state } from "../shell/store.js";
import { average, doubt, inked } from "./figures.js";

/** @type {[number, number[]][]}  where a colour of the scale stands */
const RAMP = [
  [0, [92, 52, 200]],
  [0.45, [150, 66, 214]],
  [0.72, [226, 84, 190]],
  [1, [255, 222, 240]],
];
const IN_DOUBT = 0.25;
const STEPS = 140; // of the legend

/** The colour of a doubt from 0 to 1 over a colour. */
function coloured(base, value) {
  const above = Math.max(
    1,
    RAMP.findIndex(([end]) => value <= end),
  );
  const [[from, low], [to, high]] = [RAMP[above - 1], RAMP[above]];
  return mix(base, mix(low, high, (value - from) / (to - from)), Math.min(1, 1.6 * value));
}

/** @param {import("../shell/mount.js").Context<{pixels: number}>} context */
export function mount({ element, props }) {
  const find = finder(element);
  const map = find(".map", HTMLCanvasElement);
  const legend = find(".scale canvas", HTMLCanvasElement);
  /** @type {number | null} */
  let probe = null;

  function paint() {
    const { originals } = state;
    if (!originals) return;
    const values = doubt(originals.pictures);
    const below = originals.answer ?? average(originals.pictures);
    const [film, light] = ["--film", "--lum"].map(themeColour);
    paintDigit(map, originals.noisy, (i) => {
      const colour = coloured(mix(film, light, (0.55 * below[i]) / 255), Math.min(1, 2 * values[i]));
      return toWord(i === probe ? mix(colour, [255, 255, 255], 0.8) : colour);
    });
    const count = values.filter((value) => value > IN_DOUBT).length;
    const total = originals.pictures.length;
    find(".count").textContent = String(count);
    find(".probe").textContent =
      probe === null
        ? t("originals.doubt.point")
        : t("originals.doubt.haveInk", inked(originals.pictures, probe), total);
    const { pixels } = props;
    const label = t("originals.doubt.map", count, pixels);
    map.setAttribute("aria-label", label);
  }
  function paintLegend() {
    const flat = legend.clientWidth > legend.clientHeight;
    Object.assign(legend, { width: flat ? STEPS : 1, height: flat ? 1 : STEPS });
    const context = legend.getContext("2d");
    const film = themeColour("--film");
    for (let i = 0; i < STEPS; i++) {
      context.fillStyle = `rgb(${coloured(film, i / (STEPS - 1))})`;
      if (flat) context.fillRect(i, 0, 1, 1);
      else context.fillRect(0, STEPS - 1 - i, 1, 1);
    }
  }
  const point = (pixel) => {
    probe = pixel;
    paint();
  };
  map.onpointermove = (event) => {
    const box = map.getBoundingClientRect();
    const place = (offset, size) => clamp(Math.floor((offset / size) * SIDE), 0, SIDE - 1);
    point(place(event.clientY - box.top, box.height) * SIDE + place(event.clientX - box.left, box.width));
  };
  map.onpointerdown = map.onpointermove;
  map.onpointerleave = (event) => {
    if (event.pointerType === "mouse") point(null);
  };
  map.onblur = () => point(null);
  map.onkeydown = (event) => {
    const way = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: SIDE, ArrowUp: -SIDE }[event.key];
    if (way === undefined) return;
    event.preventDefault();
    point(clamp((probe ?? (SIDE / 2) * SIDE + SIDE / 2) + way, 0, PIXELS - 1));
  };
  on("originals theme", paint);
  on("theme onOriginals", paintLegend);
  new ResizeObserver(paintLegend).observe(legend);
}
