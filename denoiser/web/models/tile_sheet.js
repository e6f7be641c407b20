/* The output of a layer, or its weights, as tiles that fill the width of the page. */
import { html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { clamp } from "../shell/numbers.js";
import { divergingPalette, greyWord } from "../shell/pixels.js";
import { paintTiles } from "../shell/pictures/tiles.js";
import { minus } from "./format.js";

const GAP = 4; // pixels between tiles
const MAX_SCALE = 12;
const VALUE_SIDE = 56; // pixels of a single value, as wide as its number below it

/** @type {Uint32Array | null} */
let diverging = null;

/** How many pixels a tile's pixel is wide. */
function scaleOf({ count, height, width }, room, wanted) {
  const longest = Math.max(width, height);
  if (count > 1) return clamp(Math.floor(Math.min(wanted, room / 4) / longest), 1, MAX_SCALE);
  return clamp(Math.floor(Math.min(room, width > 2 * height ? 448 : 252) / longest), 1, VALUE_SIDE);
}

/**
 * Show a sheet of tiles.
 * @param {HTMLElement} parent
 * @param {import("../shell/pictures/tiles.js").Sheet & {exact: number[] | null}} sheet  `exact` are the values of a
 *   short code
 * @param {number} [wanted]  pixels that a tile should measure
 */
export function showTiles(parent, sheet, wanted = 72) {
  diverging ??= divergingPalette();
  const { count, height, width, signed, exact } = sheet;
  const room = parent.clientWidth || 600;
  const scale = scaleOf(sheet, room, wanted);
  const gap = count === 1 ? 0 : GAP;
  const across = clamp(Math.floor((room + gap) / (width * scale + gap)), 1, count);
  const canvas = document.createElement("canvas");
  paintTiles(canvas, sheet, { across, scale, gap, wordOf: signed ? (value) => diverging[value] : greyWord });
  canvas.style.width = `${canvas.width}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("common.tiles", count, height, width));
  parent.replaceChildren(canvas);
  if (!exact) return;
  const values = Object.assign(document.createElement("div"), { className: "values" });
  values.style.gridTemplateColumns = `repeat(${width}, ${VALUE_SIDE}px)`;
  setHtml(
    values,
    exact.map((value) => html`<span>${minus(value.toFixed(2))}</span>`),
  );
  parent.append(values);
}

/** What the colours of a sheet mean. */
export function scaleText({ peak, signed }) {
  const colours = signed ? t("models.tileSheet.signed") : "";
  const join = (/** @type {string} */ scale) => [colours, scale].filter(Boolean).join(t("common.semicolon"));
  if (peak === null) return join(t("models.tileSheet.ownScale"));
  const most = +peak.toPrecision(2);
  return join(signed ? t("models.tileSheet.fullColour", most) : t("models.tileSheet.grey", most));
}
