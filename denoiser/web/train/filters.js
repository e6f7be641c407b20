/* The first layer's weights, less those it began with, as small pictures: strokes, edges and dots. */
import { t } from "../shell/i18n.js";
import { divergingPalette } from "../shell/pixels.js";
import { on } from "../shell/store.js";
import { paintTiles } from "../shell/pictures/tiles.js";

const ACROSS = 8; // tiles in a row
const SIDE = 56; // pixels of a tile
const GAP = 4;

/** How many of the tiles are shown, and their size. */
function caption({ count, total, height, width }) {
  const shown = count < total ? t("common.countOf", count, total) : total;
  return `${shown}, ${height} × ${width}`;
}

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const canvas = element.querySelector("canvas");
  let palette = divergingPalette();
  function draw({ snapshots, snapshotIndex }) {
    const sheet = snapshots[snapshotIndex]?.filters;
    canvas.classList.toggle("unlit", !sheet);
    element.querySelector(".what").textContent = sheet ? caption(sheet) : "";
    const label = sheet && t("common.tiles", sheet.count, sheet.height, sheet.width);
    canvas.setAttribute("aria-label", label ?? t("common.firstLayerWeights"));
    if (!sheet) {
      canvas.width = canvas.height = 1;
      return;
    }
    const scale = Math.max(1, Math.round(SIDE / sheet.width));
    const positive = (value) => palette[128 + (value >> 1)];
    const wordOf = sheet.signed ? (value) => palette[value] : positive;
    paintTiles(canvas, sheet, { across: ACROSS, scale, gap: GAP, wordOf });
  }
  on("snapshots snapshotIndex", draw);
  on("theme", (state) => {
    palette = divergingPalette();
    draw(state);
  });
}
