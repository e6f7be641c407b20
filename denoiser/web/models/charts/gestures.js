/* Two fingers, or a wheel with Ctrl held, as on a trackpad, enlarge a chart. One finger scrolls the page: Plotly does
   not get to see it, as it would draw a frame with it. A tap still reads a point. */

/**
 * @typedef {(from: number[], to: number[], by: number) => void} Zoom  enlarge `by`; what is at the pixel `from`, of the
 *   window, comes to stand at `to`
 */

const WHEEL = 0.01; // of the wheel's way, to the power of e

/** @param {TouchList} touches */
function gripOf([a, b]) {
  const distance = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  return { centre: [(a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2], distance: Math.max(distance, 20) };
}

/**
 * @param {HTMLElement} element
 * @param {Zoom} zoom
 */
export function onPinch(element, zoom) {
  let grip = null;
  const begin = (/** @type {TouchEvent} */ event) => {
    event.stopPropagation();
    grip = event.touches.length === 2 ? gripOf(event.touches) : null;
    if (grip) event.preventDefault();
  };
  const move = (/** @type {TouchEvent} */ event) => {
    if (!grip || event.touches.length !== 2) return;
    event.preventDefault();
    const next = gripOf(event.touches);
    zoom(grip.centre, next.centre, next.distance / grip.distance);
    grip = next;
  };
  element.addEventListener("touchstart", begin, { capture: true, passive: false });
  element.addEventListener("touchmove", move, { passive: false });
  element.addEventListener("touchend", begin, { capture: true, passive: false });
  element.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const at = [event.clientX, event.clientY];
      zoom(at, at, Math.exp(-Math.max(-50, Math.min(50, event.deltaY)) * WHEEL));
    },
    { passive: false },
  );
}
