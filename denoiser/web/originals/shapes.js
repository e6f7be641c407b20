/* Lines drawn over pictures: the outline of ink, the border of what is erased. And films of many pictures. */
import { paintDigit, SIDE, themeColour } from "../shell/pixels.js";

const HALF = 127.5;
const HOLE = "#3a4044"; // the perforation of a film

/**
 * The outline of the ink, by marching squares at half of full ink, as the context's path.
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} picture
 * @param {number} size  of the canvas
 */
export function traceOutline(context, picture, size) {
  const scale = size / SIDE;
  const value = (row, column) =>
    row < 0 || column < 0 || row >= SIDE || column >= SIDE ? 0 : picture[row * SIDE + column];
  context.beginPath();
  for (let row = -1; row < SIDE; row++)
    for (let column = -1; column < SIDE; column++) {
      const corners = [
        [row, column],
        [row, column + 1],
        [row + 1, column + 1],
        [row + 1, column],
      ];
      /** @type {[number, number][]} */
      const points = [];
      corners.forEach(([r, c], k) => {
        const [nextRow, nextColumn] = corners[(k + 1) % 4];
        const [from, to] = [value(r, c), value(nextRow, nextColumn)];
        if (from > HALF === to > HALF) return;
        const share = (HALF - from) / (to - from);
        points.push([(c + (nextColumn - c) * share + 0.5) * scale, (r + (nextRow - r) * share + 0.5) * scale]);
      });
      for (let k = 0; k + 1 < points.length; k += 2) {
        context.moveTo(...points[k]);
        context.lineTo(...points[k + 1]);
      }
    }
}

/**
 * The border of a mask along its pixels, as the context's path.
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} mask
 * @param {number} size  of the canvas
 */
export function traceBorder(context, mask, size) {
  const scale = size / SIDE;
  const inside = (row, column) => mask[row * SIDE + column] > 0;
  context.beginPath();
  for (let row = 0; row < SIDE; row++)
    for (let column = 0; column < SIDE; column++) {
      if (column && inside(row, column) !== inside(row, column - 1)) {
        context.moveTo(column * scale, row * scale);
        context.lineTo(column * scale, (row + 1) * scale);
      }
      if (row && inside(row, column) !== inside(row - 1, column)) {
        context.moveTo(column * scale, row * scale);
        context.lineTo((column + 1) * scale, row * scale);
      }
    }
}

/** A picture on a canvas of its own. */
export function tile(picture) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  paintDigit(canvas, picture);
  return canvas;
}

/**
 * A perforated film with the pictures at an even pitch, as many as there is room for; the canvas takes its size from
 * the page.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array[] | null} pictures  null leaves it dark
 * @param {number} [side]  of a picture
 */
export function paintFilm(canvas, pictures, side = SIDE) {
  const width = (canvas.width = Math.round(canvas.clientWidth));
  const height = (canvas.height = Math.round(canvas.clientHeight));
  if (!width) return;
  const context = canvas.getContext("2d");
  const film = `rgb(${themeColour("--film")})`;
  const top = (height - side) / 2;
  const large = side > SIDE;
  context.imageSmoothingEnabled = false;
  context.fillStyle = film;
  context.fillRect(0, 0, width, height);
  const count = Math.min(pictures?.length ?? 21, Math.floor(width / side));
  const pitch = (width - side) / Math.max(1, count - 1);
  for (let i = 0; pictures && i < count; i++) {
    const picture = pictures[Math.round((i * (pictures.length - 1)) / Math.max(1, count - 1))];
    context.drawImage(tile(picture), Math.round(i * pitch), top, side, side);
  }
  context.fillStyle = HOLE;
  const hole = large ? 6 : 4;
  for (let x = 5; x < width; x += 14)
    for (const y of [(top - hole) / 2, height - (top + hole) / 2]) context.fillRect(x, Math.round(y), 4, hole);
  context.fillStyle = film;
  for (let i = 1; i < count; i++) context.fillRect(Math.round(i * pitch) - (large ? 0 : 1), top, 1, side);
}
