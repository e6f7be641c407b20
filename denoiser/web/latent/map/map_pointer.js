/* Mouse, fingers, wheel and keys on a map: they point, drag a pin, move and zoom the view. */
import { clamp } from "../../shell/numbers.js";
import { set, state } from "../../shell/store.js";
import { TILE } from "./map_layers.js";
import { flag } from "./map_marks.js";
import { latentPointOf } from "../plane.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const CLICK = 4; // pixels by which the mouse may move while it is pressed

let nextPin = "a"; // the end of the morph that the next click sets

/* back to the visitor's own point; a finger's point stays until it is sent away */
const leave = (by) => {
  if (state.point?.by === by) set({ point: null });
};

/* `canvas` shows what map() gives; null while it is on its way */
export function mapPointer(canvas, view, map) {
  const touches = new Map(); // pointers that are down: id to pixel
  let held = null; // what they hold: a pin's name, "map" or "point"
  let grip = [0, 0]; // from the pin's place to where it was taken
  let pressed = null; // the pixel where the mouse was pressed, as long as it stays there
  const at = (event) => {
    const r = canvas.getBoundingClientRect();
    return [event.clientX - r.left, event.clientY - r.top];
  };
  const pointAt = (pixel, by) => set({ point: { z: view.toPlace(pixel), by } });
  const foot = (name) => {
    const { pins } = state;
    const z = pins && latentPointOf(pins[name], map());
    return z && view.toPixel(z);
  };
  /** @param {number[]} pixel */
  const pinAt = ([x, y], far) =>
    ["a", "b"].find((name) => {
      const pixel = foot(name);
      const letter = pixel && flag(pixel);
      return letter && Math.hypot(letter[0] - x, letter[1] - y) < far;
    });

  canvas.onpointerdown = (event) => {
    if (!map()) return;
    canvas.setPointerCapture(event.pointerId);
    const pixel = at(event);
    const mouse = event.pointerType === "mouse";
    const pin = pinAt(pixel, mouse ? 14 : 24);
    touches.set(event.pointerId, pixel);
    held = touches.size > 1 ? "map" : (pin ?? (mouse ? "map" : "point"));
    pressed = mouse && held === "map" ? pixel : null;
    if (held === "point") pointAt(pixel, "touch");
    if (held === pin) grip = foot(pin).map((v, i) => pixel[i] - v);
  };
  canvas.onpointermove = (event) => {
    if (!map()) return;
    const pixel = at(event);
    const last = touches.get(event.pointerId);
    if (pressed && Math.hypot(pixel[0] - pressed[0], pixel[1] - pressed[1]) < CLICK) return;
    pressed = null;
    if (last && touches.size > 1) {
      const other = [...touches].find(([id]) => id !== event.pointerId)[1];
      view.pan((pixel[0] - last[0]) / 2, (pixel[1] - last[1]) / 2);
      view.zoomBy(
        Math.hypot(pixel[0] - other[0], pixel[1] - other[1]) /
          Math.max(8, Math.hypot(last[0] - other[0], last[1] - other[1])),
        [(pixel[0] + other[0]) / 2, (pixel[1] + other[1]) / 2],
      );
    } else if (last && held === "map") {
      view.pan(pixel[0] - last[0], pixel[1] - last[1]);
      if (event.pointerType === "mouse") pointAt(pixel, "mouse");
    } else if (last && held !== "point") {
      set({ pins: { ...state.pins, [held]: view.toPlace([pixel[0] - grip[0], pixel[1] - grip[1]]) } });
    } else if (last || event.pointerType === "mouse") {
      const pin = !last && pinAt(pixel, 14);
      canvas.style.cursor = pin ? "grab" : "";
      if (pin) set({ point: null });
      else pointAt([clamp(pixel[0], 0, view.width), clamp(pixel[1], 0, view.height)], last ? "touch" : "mouse");
    }
    if (last) touches.set(event.pointerId, pixel);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    touches.delete(event.pointerId);
    if (pressed && event.type === "pointerup") {
      pointAt(pressed, "mouse");
      pinHere(nextPin);
      nextPin = nextPin === "a" ? "b" : "a";
    }
    pressed = null;
    if (!touches.size) held = null;
  };
  canvas.onpointerleave = (event) => {
    if (event.pointerType === "mouse" && !held) leave("mouse");
  };
  canvas.onwheel = (event) => {
    if (view.zoom === 1 && event.deltaY > 0 && !event.ctrlKey) return; // nothing left to zoom out of: the page scrolls
    event.preventDefault();
    if (map()) view.zoomBy(Math.exp(-clamp(event.deltaY, -200, 200) * (event.ctrlKey ? 0.01 : 0.002)), at(event));
  };

  function step(arrow, far) {
    // the pointer by some pixels, the view after it where it would leave
    const { point, trajectory, drift = 0 } = state;
    const from = view.toPixel(point?.z ?? trajectory?.maps[map().name]?.at(drift).mu ?? [0, 0]);
    const to = [from[0] + arrow[0] * far, from[1] + arrow[1] * far];
    const z = view.toPlace(to);
    const beyond = (v, size) => (v < TILE ? TILE - v : v > size - TILE ? size - TILE - v : 0);
    view.pan(beyond(to[0], view.width), beyond(to[1], view.height));
    set({ point: { z, by: "keys" } });
  }
  const keys = {
    Escape: () => set({ point: null }),
    "+": () => view.zoomBy(1.25),
    "=": () => view.zoomBy(1.25),
    "-": () => view.zoomBy(0.8),
    0: () => view.fit(),
    a: () => pinHere("a"),
    b: () => pinHere("b"),
  };
  canvas.onkeydown = (event) => {
    if (!map() || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (arrow) step(arrow, event.shiftKey ? TILE : TILE / 4);
    else if (act) act();
    else return;
    event.preventDefault();
  };
  canvas.onblur = () => leave("keys");
}

/* the pointer's place as an end of the morph */
export const pinHere = (name) => {
  if (state.point) set({ pins: { ...state.pins, [name]: state.point.z } });
};
