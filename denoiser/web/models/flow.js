/* The visitor's digit on its way through a network: one picture where the size of the layers changes, from left to
   right, deeper layers lower; the skip connections of a U-Net as lines between layers of one size. Where there is no
   room for that, the same from top to bottom, deeper layers further right. */
import { findAll, html, raw, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { shape } from "./format.js";
import { showTiles } from "./tile_sheet.js";

/**
 * How the stages are laid out: the first that fits. `sizes` are pixels on the longer side of a stage's picture, from
 * the first depth down.
 */
const LAYOUTS = [
  { isDown: false, sizes: [112, 84, 64, 52] },
  { isDown: false, sizes: [64, 52, 44, 36] },
  { isDown: true, sizes: [64, 52, 44, 36] },
];
const DEPTHS = LAYOUTS[0].sizes.length;

/** How deep each stage lies: 0 for the largest pictures; vectors lie below all pictures that are larger. */
function depthsOf(stages, layers) {
  const sides = stages.map(({ step }) => {
    const { shape } = layers[step];
    return shape.length === 3 ? shape[1] : Math.sqrt(shape.reduce((a, b) => a * b, 1));
  });
  const levels = [...new Set(sides)].sort((a, b) => b - a);
  return sides.map((side) => Math.min(levels.indexOf(side), DEPTHS - 1));
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

/** Where a stage or a skip connection lies: from which stage on, over how many of them, and how deep. */
const position = (stage, depth, span = 1) => raw(`--stage:${stage + 1};--span:${span};--depth:${depth + 1}`);

/** The stages and the skip connections of a network, as markup. */
function flowMarkup({ layers, network }, stages, current, sizes) {
  const depths = depthsOf(stages, layers);
  const skips = network === "unet" ? skipsOf(depths) : [];
  return [
    ...stages.map(({ step }, i) => {
      const isCode = layers[step].code;
      const label = t("models.flow.stage", i + 1, stages.length, shape(layers[step].shape));
      return html`<button
        type="button"
        class="stage ${isCode ? "code" : ""}"
        data-step="${step}"
        aria-pressed="${step === current}"
        aria-label="${label}"
        style="${position(i, depths[i])};--size:${sizes[depths[i]]}px"
      >
        <span class="tiles"></span><b>${shape(layers[step].shape)}</b>${isCode ? t("models.flow.code") : ""}
      </button>`;
    }),
    ...skips.map(
      ([from, to]) =>
        html`<span class="skip" style="${position(from + 1, depths[from], to - from - 1)}"
          >${t("models.flow.skip")}</span
        >`,
    ),
  ];
}

/**
 * @param {HTMLElement} element  of the stages
 * @param {HTMLElement} explanation  what says how to read them
 * @returns show(model, stages, current): the stages of a network for one digit, `model` being its entry, `stages` the
 *   last layer of each size with its most active tile, `current` the layer whose tiles are shown below
 */
export function mountFlow(element, explanation) {
  /** @type {{model: any, stages: {step: number, sheet: any}[], current: number} | null} */
  let shown = null;
  let width = 0; // for which they are laid out

  function layOut() {
    const { model, stages, current } = shown;
    width = element.clientWidth;
    const focused = [...element.children].indexOf(document.activeElement);
    const layout = LAYOUTS.find(({ isDown, sizes }) => {
      element.classList.toggle("down", isDown);
      setHtml(element, flowMarkup(model, stages, current, sizes));
      return element.scrollWidth <= width;
    });
    const { isDown, sizes } = layout ?? LAYOUTS.at(-1);
    explanation.textContent = isDown ? t("models.flow.explainedDown") : t("models.flow.explained");
    const depths = depthsOf(stages, model.layers);
    const tiles = findAll(element, ".stage .tiles");
    stages.forEach(({ sheet }, i) => showTiles(tiles[i], sheet, sizes[depths[i]]));
    /** @type {HTMLElement | undefined} */ (element.children[focused])?.focus();
  }
  new ResizeObserver(() => {
    if (shown?.stages.length && element.clientWidth && element.clientWidth !== width) layOut();
  }).observe(element);

  return (
    /** @type {any} */ model,
    /** @type {{step: number, sheet: any}[]} */ stages,
    /** @type {number} */ current,
  ) => {
    shown = { model, stages, current };
    element.hidden = !stages.length;
    if (stages.length) layOut();
  };
}
