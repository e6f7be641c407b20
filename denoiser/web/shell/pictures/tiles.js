/* Many small pictures, such as the filters of a layer, on one canvas. */
import { fromBase64 } from "../base64.js";

/**
 * The server's tiles: `count` pictures of `height` x `width` bytes, `signed` where 128 is zero.
 * @typedef {object} Sheet
 * @property {string} pixels  base64
 * @property {number} count
 * @property {number} total  of which these are the first
 * @property {number} height
 * @property {number} width
 * @property {boolean} signed
 */

/**
 * Size the canvas for the tiles and paint them.
 * @param {HTMLCanvasElement} canvas
 * @param {Sheet} sheet
 * @param {object} layout
 * @param {number} layout.across  tiles in a row
 * @param {number} layout.scale  pixels of the canvas per pixel of a tile
 * @param {number} layout.gap  pixels between two tiles
 * @param {(value: number) => number} layout.wordOf  the colour word of a byte
 */
export function paintTiles(canvas, { pixels: encoded, count, height, width }, { across, scale, gap, wordOf }) {
  const pixels = fromBase64(encoded);
  const [side, rise] = [width * scale, height * scale];
  const size = [across * (side + gap) - gap, Math.ceil(count / across) * (rise + gap) - gap];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  const data = context.createImageData(size[0], size[1]);
  const words = new Uint32Array(data.data.buffer);
  for (let tile = 0; tile < count; tile++) {
    const left = (tile % across) * (side + gap);
    const top = Math.floor(tile / across) * (rise + gap);
    for (let row = 0; row < rise; row++) {
      const from = (tile * height + Math.floor(row / scale)) * width;
      const to = (top + row) * size[0] + left;
      for (let column = 0; column < side; column++)
        words[to + column] = wordOf(pixels[from + Math.floor(column / scale)]);
    }
  }
  context.putImageData(data, 0, 0);
}
