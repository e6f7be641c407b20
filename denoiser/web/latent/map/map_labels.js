/* Where the labels of a map stand: beside what they belong to, never over each other, a pin or a class's numeral. */

/** @typedef {{x: number, y: number, w: number, h: number}} Box  its left and upper edge, its size, in pixels */

const GAPS = [10, 22, 36, 52, 70]; // pixels between a label and its anchor, the nearest first
const SIDES = [
  [1, 0],
  [-1, 0],
  [1, -1],
  [-1, -1],
  [1, 1],
  [-1, 1],
  [0, -1],
  [0, 1],
];

/** The area that two boxes share. */
const shared = (a, b) =>
  Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));

/**
 * The box of a label of the given size near its anchor, inside a view, over as little as possible of what is taken.
 * @param {number[]} anchor
 * @param {{w: number, h: number}} size
 * @param {{width: number, height: number}} view
 * @param {Box[]} taken
 * @returns {Box}
 */
export function placeLabel([x, y], { w, h }, view, taken) {
  let best = null;
  let least = Infinity;
  for (const gap of GAPS)
    for (const [right, down] of SIDES) {
      const box = {
        x: x + right * gap + (w * (right - 1)) / 2,
        y: y + down * gap + (h * (down - 1)) / 2,
        w,
        h,
      };
      box.x = Math.min(Math.max(box.x, 4), view.width - w - 4);
      box.y = Math.min(Math.max(box.y, 4), view.height - h - 4);
      const covered = taken.reduce((sum, other) => sum + shared(box, other), 0);
      if (covered < least) [best, least] = [box, covered];
      if (!covered) return box;
    }
  return best;
}
