/* The first layer's weights, less those it began with, as small pictures: strokes, edges and dots. */
import { fromBase64 } from "../shell/base64.js";
import { t } from "../shell/i18n.js";
import { divergingPalette } from "../shell/pixels.js";
import { on } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const canvas = element.querySelector("canvas");
  const context = canvas.getContext("2d");
  const ACROSS = 8;
  const GAP = 1 / 14; // tiles in a line; between them, in sides of a tile
  let colours = null;
  function draw({ moments, at }) {
    const sheet = moments[at]?.filters;
    canvas.classList.toggle("unlit", !sheet);
    element.querySelector(".what").textContent = sheet
      ? `${sheet.count < sheet.total ? t`${sheet.count} of ${sheet.total}` : sheet.total}, ${sheet.height} × ${sheet.width}`
      : "";
    canvas.setAttribute(
      "aria-label",
      sheet ? t`${sheet.count} tiles of ${sheet.height} by ${sheet.width}` : t`First-layer weights`,
    );
    if (!sheet) {
      canvas.width = canvas.height = 1;
      return;
    }
    colours ??= divergingPalette();
    const { count, height, width, signed } = sheet;
    const pixels = fromBase64(sheet.pixels);
    const scale = Math.max(1, Math.round(56 / width));
    const side = width * scale;
    const gap = Math.round(56 * GAP);
    const down = Math.ceil(count / ACROSS);
    const whole = [ACROSS * (side + gap) - gap, down * (side + gap) - gap];
    if (canvas.width !== whole[0] || canvas.height !== whole[1]) [canvas.width, canvas.height] = whole;
    const data = context.createImageData(...whole);
    const words = new Uint32Array(data.data.buffer);
    for (let i = 0; i < count; i++) {
      const left = (i % ACROSS) * (side + gap);
      const top = Math.floor(i / ACROSS) * (side + gap);
      for (let r = 0; r < height * scale; r++) {
        const from = (i * height + Math.floor(r / scale)) * width;
        const to = (top + r) * whole[0] + left;
        for (let c = 0; c < side; c++)
          words[to + c] =
            colours[signed ? pixels[from + Math.floor(c / scale)] : 128 + (pixels[from + Math.floor(c / scale)] >> 1)];
      }
    }
    context.putImageData(data, 0, 0);
  }
  on("moments at", draw);
  on("theme", (state) => {
    colours = null;
    draw(state);
  });
}
