/* Which part of the plane is looked at: one view for all maps that are shown, so that they stay side by side.
   A coordinate is that of the plane itself, or its quantile under the prior; `centre` and the bounds are in that. */
import { calm } from "../../shell/motion.js";
import { clamp } from "../../shell/numbers.js";
import { normal, quantile } from "../plane.js";

const MOST = 12; // times the whole map
const CLOSEST = 6; // the same where the view moves by itself
const GLIDE = 400; // milliseconds

/** @returns {any} */
export function mapView(reach, changed) {
  const view = { mode: "plane", zoom: 1, centre: [0, 0], width: 0, height: 0 };
  let scale = [1, 1];
  const plane = () => view.mode === "plane";
  const warp = (v) => (plane() ? v : normal(v));
  const unwarp = (u) => (plane() ? clamp(u, -reach, reach) : quantile(clamp(u, 0.0005, 0.9995)));

  function settle() {
    // keep the view on the map
    const { width, height, zoom } = view;
    const [low, high] = plane() ? [-reach, reach] : [0, 1];
    scale = plane()
      ? Array(2).fill(Math.max(Math.min(width / 7.2, height / 6.4), Math.max(width, height) / (2 * reach)) * zoom)
      : [width * zoom, height * zoom];
    [width, height].forEach((size, i) => {
      const half = Math.min((high - low) / 2, size / 2 / scale[i]);
      view.centre[i] = clamp(view.centre[i], low + half, high - half);
    });
  }
  const change = () => {
    settle();
    changed();
  };

  return Object.assign(view, {
    toPixel: (z) => [
      view.width / 2 + (warp(z[0]) - view.centre[0]) * scale[0],
      view.height / 2 - (warp(z[1]) - view.centre[1]) * scale[1],
    ],
    toPlace: ([x, y]) => [view.across(x), view.upwards(y)],
    across: (x) => unwarp((x - view.width / 2) / scale[0] + view.centre[0]),
    upwards: (y) => unwarp((view.height / 2 - y) / scale[1] + view.centre[1]),
    resize(width, height) {
      Object.assign(view, { width, height });
      change();
    },
    zoomBy(factor, at = [view.width / 2, view.height / 2]) {
      // what lies at that pixel stays there
      const before = [(at[0] - view.width / 2) / scale[0], (view.height / 2 - at[1]) / scale[1]];
      const old = view.zoom;
      view.zoom = clamp(view.zoom * factor, 1, MOST);
      before.forEach((v, i) => {
        view.centre[i] += v * (1 - old / view.zoom);
      });
      change();
    },
    pan(dx, dy) {
      view.centre[0] -= dx / scale[0];
      view.centre[1] += dy / scale[1];
      change();
    },
    /** Glide to where these points are, which then fill half of the view. */
    focus(points) {
      const places = points.map((z) => z.map(warp));
      const [low, high] = [Math.min, Math.max].map((end) => [0, 1].map((k) => end(...places.map((place) => place[k]))));
      const size = [view.width, view.height];
      const wanted = low.map((v, k) => (size[k] / 2 / Math.max(high[k] - v, 1e-3) / scale[k]) * view.zoom);
      const from = { zoom: view.zoom, centre: [...view.centre] };
      const to = { zoom: clamp(Math.min(...wanted), 1, CLOSEST), centre: low.map((v, k) => (v + high[k]) / 2) };
      const start = performance.now();
      const glide = (now) => {
        const share = calm.matches ? 1 : clamp((now - start) / GLIDE, 0, 1);
        view.zoom = from.zoom * (to.zoom / from.zoom) ** share;
        view.centre = from.centre.map((v, k) => v + (to.centre[k] - v) * share);
        change();
        if (share < 1) requestAnimationFrame(glide);
      };
      requestAnimationFrame(glide);
    },
    fit(mode = view.mode) {
      Object.assign(view, { mode, zoom: 1, centre: mode === "plane" ? [0, 0] : [0.5, 0.5] });
      change();
    },
  });
}
