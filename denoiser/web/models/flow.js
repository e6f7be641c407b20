/* The visitor's digit on its way through a network: one picture where the size of the layers changes, from left to
   right, deeper layers lower; the skip connections of a U-Net as lines between layers of one size. */
import { html, raw, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { shape } from "./format.js";
import { showTiles } from "./tile_sheet.js";

/** Pixels on the longer side of a stage's picture, from the first depth down. */
const SIZES = { wide: [112, 84, 64, 52], phone: [64, 52, 44, 36] };

/** How deep each stage lies: 0 for the largest pictures; vectors lie below all pictures that are larger. */
function depthsOf(stages, layers) {
  const sides = stages.map(({ step }) => {
    const { shape } = layers[step];
    return shape.length === 3 ? shape[1] : Math.sqrt(shape.reduce((a, b) => a * b, 1));
  });
  const levels = [...new Set(sides)].sort((a, b) => b - a);
  return sides.map((side) => Math.min(levels.indexOf(side), SIZES.wide.length - 1));
}

/** The skip connections of a U-Net: pairs of stages of one depth with deeper ones between them. */
export function skipsOf(depths) {
  const skips = [];
  depths.forEach((depth, from) => {
    const to = depths.findIndex((other, i) => i > from + 1 && other === depth);
    const isDeeperBetween = to > 0 && depths.slice(from + 1, to).every((other) => other > depth);
    if (isDeeperBetween) skips.push([from, to]);
  });
  return skips;
}

const cell = (column, row, span = 1) => raw(`grid-column:${column} / span ${span};grid-row:${row}`);

/**
 * Show the stages of a network for one digit.
 * @param {HTMLElement} element
 * @param {any} model  its entry
 * @param {{step: number, sheet: any}[]} stages  the last layer of each size, with its most active tile
 * @param {number} current  the layer whose tiles are shown below
 */
export function showFlow(element, { layers, network }, stages, current) {
  const sizes = SIZES[matchMedia("(max-width: 700px)").matches ? "phone" : "wide"];
  const depths = depthsOf(stages, layers);
  const skips = network === "unet" ? skipsOf(depths) : [];
  element.hidden = !stages.length;
  setHtml(element, [
    ...stages.map(({ step }, i) => {
      const isCode = layers[step].code;
      const label = t("models.flow.stage", i + 1, stages.length, shape(layers[step].shape));
      return html`<button
        type="button"
        class="stage ${isCode ? "code" : ""}"
        data-step="${step}"
        aria-pressed="${step === current}"
        aria-label="${label}"
        style="${cell(i + 1, depths[i] + 1)};--size:${sizes[depths[i]]}px"
      >
        <span class="tiles"></span><b>${shape(layers[step].shape)}</b>${isCode ? t("models.flow.code") : ""}
      </button>`;
    }),
    ...skips.map(
      ([from, to]) =>
        html`<span class="skip" style="${cell(from + 2, depths[from] + 1, to - from - 1)}"
          >${t("models.flow.skip")}</span
        >`,
    ),
  ]);
  const tiles = element.querySelectorAll(".stage .tiles");
  stages.forEach(({ sheet }, i) => showTiles(/** @type {HTMLElement} */ (tiles[i]), sheet, sizes[depths[i]]));
}
