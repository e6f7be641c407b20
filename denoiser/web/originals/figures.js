/* What is counted in the page from pictures of 784 bytes: averages, doubt, figures against what was drawn, votes. */
import { PIXELS, SIDE } from "../shell/pixels.js";

/** @typedef {[number, number]} Reading  a digit and its probability */

const INK = 128; // from here on a pixel counts as ink

/**
 * The average of pictures, from 0 to 255, not rounded.
 * @param {Uint8Array[]} pictures
 */
export function average(pictures) {
  const mean = new Float32Array(PIXELS);
  for (const picture of pictures) for (let i = 0; i < PIXELS; i++) mean[i] += picture[i] / pictures.length;
  return mean;
}

/**
 * Each pixel's standard deviation over pictures, as a share of full ink: 0 to 0.5.
 * @param {Uint8Array[]} pictures
 */
export function doubt(pictures) {
  const mean = average(pictures);
  const found = new Float32Array(PIXELS);
  for (const picture of pictures) for (let i = 0; i < PIXELS; i++) found[i] += (picture[i] - mean[i]) ** 2;
  return found.map((sum) => Math.sqrt(sum / pictures.length) / 255);
}

/** How many of the pictures have ink in a pixel. */
export const inked = (pictures, pixel) => pictures.filter((picture) => picture[pixel] >= INK).length;

/**
 * On the straight line from one picture to another: `share` 0 is the first, 1 the second.
 * @param {ArrayLike<number>} from
 * @param {ArrayLike<number>} to
 * @param {number} share
 */
export const blend = (from, to, share) => Float32Array.from(from, (v, i) => v + share * (to[i] - v));

/** PSNR of two pictures in dB, infinite where they are equal. */
export function psnr(picture, other) {
  let sum = 0;
  for (let i = 0; i < PIXELS; i++) sum += (picture[i] - other[i]) ** 2;
  return -10 * Math.log10(sum / PIXELS / 255 ** 2);
}

/** The variance of a picture's Laplacian, in units of full ink. */
export function sharpness(picture) {
  let sum = 0;
  let squares = 0;
  for (let row = 1; row < SIDE - 1; row++)
    for (let column = 1; column < SIDE - 1; column++) {
      const i = row * SIDE + column;
      const around = picture[i - 1] + picture[i + 1] + picture[i - SIDE] + picture[i + SIDE];
      const value = (around - 4 * picture[i]) / 255;
      sum += value;
      squares += value * value;
    }
  const count = (SIDE - 2) ** 2;
  return squares / count - (sum / count) ** 2;
}

/**
 * How many read as each digit that is read at all, most votes first.
 * @param {Reading[]} reads
 * @returns {[number, number][]} digit and votes
 */
export function countVotes(reads) {
  const counts = new Map();
  for (const [digit] of reads) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

/**
 * The order in which pictures are shown: those of the digit with most votes first, then as they were drawn.
 * @param {Reading[]} reads
 * @returns {number[]} their numbers
 */
export function byVotes(reads) {
  const rank = new Map(countVotes(reads).map(([digit], i) => [digit, i]));
  return reads.map((_, i) => i).sort((i, j) => rank.get(reads[i][0]) - rank.get(reads[j][0]) || i - j);
}

/**
 * How good votes were on the test digits under one noise.
 * @typedef {object} Calibration
 * @property {string} kind  of noise
 * @property {number} factor
 * @property {number} digits  how many there were
 * @property {number} accuracy  of the winner of the votes
 * @property {number} calibration_error
 * @property {[number, number, number][]} bins  number of digits, mean share of votes, share that was right
 */

/**
 * How often votes like these were right on the test digits.
 * @param {Calibration[] | null} rows  what was measured
 * @param {string} kind  of noise
 * @param {number} factor  the nearest one counts
 * @param {number} share  of the votes that the winner has
 * @param {number} fewest  digits from which on the share of them is given
 * @returns {number | null} a share, null where too few digits or none were measured
 */
export function shareRight(rows, kind, factor, share, fewest) {
  const row = nearest(rows, kind, factor);
  if (!row) return null;
  const [count, , right] = row.bins[Math.max(0, Math.ceil(share * row.bins.length - 1e-9) - 1)];
  return count < fewest ? null : right;
}

/**
 * The row of this noise kind with the nearest factor, null where there is none within 0.15.
 * @param {Calibration[] | null} rows
 * @param {string} kind
 * @param {number} factor
 */
export function nearest(rows, kind, factor) {
  const same = (rows ?? []).filter((row) => row.kind === kind);
  const best = same.sort((a, b) => Math.abs(a.factor - factor) - Math.abs(b.factor - factor))[0];
  return best && Math.abs(best.factor - factor) < 0.151 ? best : null;
}
