/* The paper of the pad: how strokes, or a fitted picture, are painted. */
import { mix, PIXELS, SIDE, themeColour } from "../../shell/pixels.js";

const PEN_WIDTH = 0.056; // a share of the pad's side
const DOTS = 12; // the grid on the paper
const CROP_MARK = 0.03;
const GHOST_INK = 0.38; // share of ink in the paper's colour

const token = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

/** The ink of a recorded drawing: paler than the visitor's. */
export const ghostInk = () => `rgb(${mix(themeColour("--paper"), themeColour("--pad-ink"), GHOST_INK)})`;

/**
 * The empty paper, by default with crop marks around the middle 20 of 28 pixels; the pen is left in the colour of ink.
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {boolean} [withMarks]
 */
export function paintPaper(context, side, withMarks = true) {
  context.clearRect(0, 0, side, side);
  context.fillStyle = context.strokeStyle = token("--paper-dot");
  const dot = Math.max(1, side * 0.003);
  for (let y = side / DOTS; y < side - 1; y += side / DOTS)
    for (let x = side / DOTS; x < side - 1; x += side / DOTS) context.fillRect(x - dot / 2, y - dot / 2, dot, dot);
  if (withMarks) paintCropMarks(context, side, dot);
  context.fillStyle = context.strokeStyle = token("--pad-ink");
}

function paintCropMarks(context, side, width) {
  const near = side / 7;
  const far = side - near;
  const arm = side * CROP_MARK;
  context.lineWidth = width;
  context.beginPath();
  for (const [x, y, right, down] of [
    [near, near, 1, 1],
    [far, near, -1, 1],
    [near, far, 1, -1],
    [far, far, -1, -1],
  ]) {
    context.moveTo(x, y + down * arm);
    context.lineTo(x, y);
    context.lineTo(x + right * arm, y);
  }
  context.stroke();
}

/** One stroke, as wide as the pen was pressed. */
export function paintStroke(context, stroke, side) {
  context.lineCap = context.lineJoin = "round";
  const [first, ...rest] = stroke;
  const widthAt = (point) => side * PEN_WIDTH * (point[3] ? 0.6 + 0.8 * point[3] : 1);
  if (!rest.length) {
    context.beginPath();
    context.arc(first[0] * side, first[1] * side, widthAt(first) / 2, 0, 7);
    context.fill();
  }
  /* curves through the middles between points: smooth where points are far apart, true where they are near */
  let from = first;
  let middle = first;
  rest.forEach((to, i) => {
    const isLast = i === rest.length - 1;
    const end = isLast ? to : [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    context.lineWidth = (widthAt(from) + widthAt(to)) / 2;
    context.beginPath();
    context.moveTo(middle[0] * side, middle[1] * side);
    context.quadraticCurveTo(from[0] * side, from[1] * side, end[0] * side, end[1] * side);
    if (isLast && from === middle) context.lineTo(end[0] * side, end[1] * side);
    context.stroke();
    from = to;
    middle = end;
  });
}

/** A fitted picture, as the models see it, in the pad's ink. */
export function paintPicture(context, pixels, side) {
  const picture = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const pictureContext = picture.getContext("2d");
  const image = pictureContext.createImageData(SIDE, SIDE);
  const [r, g, b] = themeColour("--pad-ink");
  for (let i = 0; i < PIXELS; i++) image.data.set([r, g, b, pixels[i]], 4 * i);
  pictureContext.putImageData(image, 0, 0);
  context.drawImage(picture, 0, 0, side, side);
}
