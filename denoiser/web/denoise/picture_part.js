/* Parts of a picture that are shown on their own, as left, top, width and height in shares of the picture. */

const inPercent = (share) => `${(100 * share).toFixed(3)}%`;

/**
 * Lay an element over a part of what is shown of a picture.
 * @param {HTMLElement} element
 * @param {number[]} part
 * @param {number[]} shown  the part that is shown
 */
export function lay(element, [left, top, width, height], shown) {
  element.style.left = inPercent((left - shown[0]) / shown[2]);
  element.style.top = inPercent((top - shown[1]) / shown[3]);
  element.style.width = inPercent(width / shown[2]);
  element.style.height = inPercent(height / shown[3]);
}

/** The whole picture as a part of itself. */
export const WHOLE = [0, 0, 1, 1];
