/* What lies on a map, drawn on every change: the morph's path and its pins, the visitor's digit, new digits, the
   pointer. */
import { t } from "../../shell/i18n.js";
import { state } from "../../shell/store.js";
import { placeLabel } from "./map_labels.js";
import { centred, line, sized, TILE } from "./map_layers.js";
import { latentPointOf } from "../plane.js";

const FLAG = 26; // px by which a pin's letter stands off its place

/* where the letter of a pin stands whose place is at that pixel */
export const flag = (/** @type {number[]} */ [x, y]) => [x, y < FLAG + 14 ? y + FLAG : y - FLAG];

function haloed(g, colours, thickness, colour) {
  g.lineWidth = thickness + 4;
  g.strokeStyle = colours.map;
  g.stroke();
  g.lineWidth = thickness;
  g.strokeStyle = colour;
  g.stroke();
}
function dot(g, view, z, radius, fill, edge, thickness) {
  g.beginPath();
  g.arc(...view.toPixel(z), radius, 0, 7);
  g.fillStyle = fill;
  g.fill();
  if (!edge) return;
  g.strokeStyle = edge;
  g.lineWidth = thickness;
  g.stroke();
}
function label(g, view, colours, text, anchor, taken) {
  g.font = `600 13px ${colours.font}`;
  const box = placeLabel(anchor, { w: g.measureText(text).width + 14, h: 22 }, view, taken);
  taken.push(box);
  g.fillStyle = colours.trajectory;
  g.beginPath();
  g.roundRect(box.x, box.y, box.w, box.h, 4);
  g.fill();
  g.fillStyle = colours.map;
  centred(g, colours, text, box.x + box.w / 2, box.y + box.h / 2, 13);
}
/** @returns {import("./map_labels.js").Box} the square around a pixel */
const around = (/** @type {number[]} */ [x, y], /** @type {number} */ half) => ({
  x: x - half,
  y: y - half,
  w: 2 * half,
  h: 2 * half,
});

/** What labels keep clear of: the numerals of the classes, the pins and the marks of the visitor's digit. */
function takenBy(view, map, mine, drift) {
  const taken = Object.entries(map.places)
    .filter(([name]) => name.startsWith("class:"))
    .map(([, z]) => around(view.toPixel(z), 12));
  for (const name of ["a", "b"]) {
    const z = state.pins && latentPointOf(state.pins[name], map);
    if (z) taken.push(around(view.toPixel(z), 5), around(flag(view.toPixel(z)), 12));
  }
  taken.push(around(view.toPixel(mine.at(drift).mu), 6));
  return taken;
}

function way(g, view, colours, route, frame) {
  line(g, view, route);
  g.lineWidth = 4;
  g.strokeStyle = colours.map;
  g.stroke();
  g.setLineDash([6, 4]);
  g.lineWidth = 1.5;
  g.strokeStyle = colours.ink;
  g.stroke();
  g.setLineDash([]);
  if (frame != null) dot(g, view, route[frame], 5, colours.ink);
}
function pin(g, view, colours, name, z) {
  const foot = view.toPixel(z);
  const [x, y] = flag(foot);
  g.beginPath();
  g.moveTo(...foot);
  g.lineTo(x, y);
  haloed(g, colours, 2, colours.ink);
  dot(g, view, z, 3.5, colours.ink, colours.map, 1.5);
  g.fillStyle = colours.ink;
  g.beginPath();
  g.roundRect(x - 10, y - 10, 20, 20, 3);
  g.fill();
  g.lineWidth = 2;
  g.strokeStyle = colours.map;
  g.stroke();
  g.fillStyle = colours.map;
  centred(g, colours, name.toUpperCase(), x, y, 13);
}

/* the visitor's digit: its path under noise, bold until it crosses, and one sigma around its mean */
function track(g, view, colours, trajectory, drift) {
  const { mu, sigma } = trajectory.at(drift);
  const crossed =
    trajectory.crossing === null ? trajectory.mu.length - 1 : trajectory.factors.indexOf(trajectory.crossing);
  line(g, view, trajectory.mu.slice(crossed));
  g.setLineDash([2, 3]);
  haloed(g, colours, 1.5, colours.trajectory);
  g.setLineDash([]);
  line(g, view, trajectory.mu.slice(0, crossed + 1));
  haloed(g, colours, 2.5, colours.trajectory);
  trajectory.mu.forEach((z, i) => i > crossed || i % 2 || dot(g, view, z, 2.6, colours.trajectory));
  line(
    g,
    view,
    Array.from({ length: 49 }, (_, i) => [
      mu[0] + sigma[0] * Math.cos((i / 24) * Math.PI),
      mu[1] + sigma[1] * Math.sin((i / 24) * Math.PI),
    ]),
  );
  g.fillStyle = colours.trajectory;
  g.globalAlpha = 0.22;
  g.fill();
  g.globalAlpha = 1;
  haloed(g, colours, 2, colours.trajectory);
  dot(g, view, mu, 5, colours.trajectory, colours.map, 2);
  if (trajectory.crossing > 0) dot(g, view, trajectory.mu[crossed], 6, colours.map, colours.trajectory, 2.5);
}
function said(g, view, colours, map, trajectory, drift) {
  const taken = takenBy(view, map, trajectory, drift);
  if (drift < 0.03) label(g, view, colours, t("latent.page.yourDrawing"), view.toPixel(trajectory.at(drift).mu), taken);
  if (!(trajectory.crossing > 0)) return;
  const step = trajectory.factors.indexOf(trajectory.crossing);
  const text = t("latent.mapMarks.readsFrom", trajectory.reads[step], trajectory.crossing.toFixed(2));
  label(g, view, colours, text, view.toPixel(trajectory.mu[step]), taken);
}

export function drawMarks(canvas, view, map, colours) {
  const g = sized(canvas, view);
  const { pins, routes, frame, trajectory, drift = 0, point, samples } = state;
  g.clearRect(0, 0, view.width, view.height);
  if (!map) return;
  g.lineJoin = "round";
  const route = routes?.[map.name];
  const mine = trajectory?.maps[map.name];
  if (route) way(g, view, colours, route, frame);
  if (mine) track(g, view, colours, mine, drift);
  for (const name of ["a", "b"]) {
    const z = pins && latentPointOf(pins[name], map);
    if (z) pin(g, view, colours, name, z);
  }
  if (mine) said(g, view, colours, map, mine, drift);
  if (point?.by === "sample") samples.forEach((z) => dot(g, view, z, 4.5, colours.map, colours.ink, 2));
  if (point) {
    const [x, y] = view.toPixel(point.z);
    for (const [colour, thickness] of [
      [colours.map, 4],
      [colours.ink, 2],
    ]) {
      g.strokeStyle = colour;
      g.lineWidth = thickness;
      g.strokeRect(x - TILE / 2, y - TILE / 2, TILE, TILE);
    }
  }
}
