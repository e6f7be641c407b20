/* Which part of the plane is looked at: one view for all maps that are shown, so that they stay side by side.
   A coordinate is that of the plane itself, or its quantile under the prior; `centre` and the bounds are in that. */
import { clamp } from "../../shell/numbers.js";
import { normal, quantile } from "../plane.js";

const MOST = 12; // times the whole map

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
    fit(mode = view.mode) {
      Object.assign(view, { mode, zoom: 1, centre: mode === "plane" ? [0, 0] : [0.5, 0.5] });
      change();
    },
  });
}
