/* Drawing with mouse, finger or pen. */
import { rememberDrawing, setDrawing } from "../../shell/drawing.js";
import { clamp } from "../../shell/numbers.js";
import { set, state } from "../../shell/store.js";

const MIN_STEP = 0.005; // of the pad's side: closer points are left out
const PAUSE = 0.3; // seconds between two strokes

const rounded = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;

/**
 * Draw strokes on the canvas.
 * @param {HTMLCanvasElement} canvas
 * @returns {() => boolean} whether the pen is down
 */
export function mountPen(canvas) {
  /** @type {number | null} */
  let pointer = null;
  let start = 0; // the time of the drawing's first point
  /** @type {import("../../shell/store.js").Stroke | null} */
  let stroke = null;

  function pointAt(event) {
    const box = canvas.getBoundingClientRect();
    const share = (pixels, size) => rounded(clamp(pixels / size, 0, 1), 4);
    return [
      share(event.clientX - box.left, box.width),
      share(event.clientY - box.top, box.height),
      Math.round(event.timeStamp - start) / 1000,
      event.pointerType === "pen" ? rounded(event.pressure, 2) : 0,
    ];
  }
  canvas.onpointerdown = (event) => {
    if (pointer !== null || event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    const strokes = state.ghost ? [] : state.strokes; // the first touch wipes a recorded drawing away
    const end = strokes.at(-1)?.at(-1)[2] ?? 0;
    start = event.timeStamp - (strokes.length ? (end + PAUSE) * 1000 : 0);
    stroke = [pointAt(event)];
    rememberDrawing();
    setDrawing({ strokes: [...strokes, stroke], drawing: true });
  };
  /* an upload or an undo in the middle of a stroke ends it */
  const isStrokeOf = (event) => event.pointerId === pointer && state.strokes.at(-1) === stroke;
  canvas.onpointermove = (event) => {
    if (!isStrokeOf(event)) return;
    const count = stroke.length;
    for (const coalesced of event.getCoalescedEvents?.() ?? [event]) {
      const point = pointAt(coalesced);
      const last = stroke.at(-1);
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) > MIN_STEP) stroke.push(point);
    }
    if (stroke.length > count) setDrawing({ strokes: state.strokes, drawing: true });
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (event.pointerId !== pointer) return;
    if (isStrokeOf(event)) setDrawing({ strokes: state.strokes, drawing: false, lifted: event.timeStamp });
    else set({ drawing: false, version: state.version + 1 });
    pointer = stroke = null;
  };
  return () => pointer !== null;
}
