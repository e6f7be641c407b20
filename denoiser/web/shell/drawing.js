/* The drawing on the pad: changed, undone and redone. */
import { set, state } from "./store.js";

const MAX_UNDO = 200;
/** @type {import("./store.js").Drawing} */
const NOTHING = { strokes: [], picture: null, nonDigit: null, label: null };

/** @returns {import("./store.js").Drawing} */
function currentDrawing() {
  const { strokes, picture, nonDigit, label } = state;
  return { strokes, picture, nonDigit, label };
}

/**
 * Replace the drawing: whatever the patch does not name is emptied.
 * @param {Partial<import("./store.js").State>} patch
 */
export function setDrawing(patch) {
  const empty = { strokes: [], picture: null, nonDigit: null, label: null, ghost: false };
  set({ ...empty, ...patch, version: state.version + 1 });
}

/** Called before a change that can be undone. */
export function rememberDrawing() {
  const drawing = state.ghost ? NOTHING : currentDrawing();
  set({ past: [...state.past, drawing].slice(-MAX_UNDO), future: [] });
}

export function undo() {
  const drawing = state.past.at(-1);
  if (!drawing) return;
  set({ future: [...state.future, currentDrawing()], past: state.past.slice(0, -1) });
  setDrawing(drawing);
}

export function redo() {
  const drawing = state.future.at(-1);
  if (!drawing) return;
  set({ past: [...state.past, currentDrawing()], future: state.future.slice(0, -1) });
  setDrawing(drawing);
}

/** Whether there is anything on the pad, a blank page on purpose included. */
export const hasInk = () => state.strokes.length > 0 || state.picture !== null || state.nonDigit !== null;
