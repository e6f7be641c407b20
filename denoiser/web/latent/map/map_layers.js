/* The ground of a map, drawn when the view changes: tint, decoded and test digits, contours, the prior's circles. */
import { clamp } from "../../shell/numbers.js";
import { PIXELS, themeColour } from "../../shell/pixels.js";

export const TILE = 28; // px of a decoded digit
const BLOCK = 14; // px of a patch of tint

export function mapColours() {
  const style = getComputedStyle(document.body);
  const value = (name) => style.getPropertyValue(name).trim();
  const names = Array.from({ length: 10 }, (_, c) => `--k${c}`);
  return {
    map: value("--map"),
    ink: value("--ink"),
    soft: value("--ink-2"),
    trajectory: value("--vae"),
    font: value("--type"),
    inkRGB: themeColour("--ink"),
    classes: names.map(value),
    classRGB: names.map(themeColour),
    dark: document.body.classList.contains("dark"),
  };
}

/* a canvas in CSS pixels, as sharp as the screen */
const pixelRatio = () => Math.min(2, devicePixelRatio || 1);
export function sized(canvas, { width, height }) {
  const ratio = pixelRatio();
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return g;
}
const scratch = document.createElement("canvas");
/** @returns {[CanvasRenderingContext2D, ImageData]} */
function offscreen(w, h) {
  [scratch.width, scratch.height] = [w, h];
  const g = scratch.getContext("2d");
  return [g, g.createImageData(w, h)];
}
export function line(g, view, places) {
  g.beginPath();
  places.forEach((z, i) => (i ? g.lineTo(...view.toPixel(z)) : g.moveTo(...view.toPixel(z))));
}
export function centred(g, colours, text, x, y, size) {
  g.font = `600 ${size}px ${colours.font}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  g.fillText(text, x, y + 1);
  g.textAlign = "start";
  g.textBaseline = "alphabetic";
}

/* each place takes the colours of the classes that live there */
function tint(g, view, map, shown, colours) {
  const columns = Math.ceil(view.width / BLOCK) + 1;
  const rows = Math.ceil(view.height / BLOCK) + 1;
  const [s, image] = offscreen(columns, rows);
  const xs = Array.from({ length: columns }, (_, i) => view.across(i * BLOCK + BLOCK / 2));
  const strength = 255 * (colours.dark ? 0.26 : 0.17);
  for (let j = 0, o = 0; j < rows; j++) {
    const y = view.upwards(j * BLOCK + BLOCK / 2);
    for (let i = 0; i < columns; i++, o += 4) {
      const density = map.density([xs[i], y]);
      const rgb = [0, 0, 0];
      let total = 1e-5;
      let square = 0;
      for (let c = 0; c < 10; c++)
        if (shown[c]) {
          total += density[c];
          square += density[c] * density[c];
          for (let k = 0; k < 3; k++) rgb[k] += density[c] * colours.classRGB[c][k];
        }
      for (let k = 0; k < 3; k++) image.data[o + k] = rgb[k] / total;
      image.data[o + 3] = ((strength * square) / (total * total)) * Math.min(1, total * 60);
    }
  }
  s.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = true;
  g.drawImage(scratch, 0, 0, columns * BLOCK, rows * BLOCK);
}

/* a lattice fixed to the map's origin, so that it moves with the map */
function digits(g, view, map, colours) {
  const origin = view.toPixel([0, 0]);
  const start = origin.map((p) => ((((p - TILE / 2) % TILE) + TILE) % TILE) - TILE);
  const columns = Math.ceil((view.width - start[0]) / TILE);
  const rows = Math.ceil((view.height - start[1]) / TILE);
  const [s, image] = offscreen(columns * TILE, rows * TILE);
  const words = new Uint32Array(image.data.buffer);
  const [r, gr, b] = colours.inkRGB;
  const ink = (b << 16) | (gr << 8) | r;
  const strength = colours.dark ? 92 : 84;
  const xs = Array.from({ length: columns }, (_, i) => view.across(start[0] + i * TILE + TILE / 2));
  for (let j = 0; j < rows; j++) {
    const y = view.upwards(start[1] + j * TILE + TILE / 2);
    for (let i = 0; i < columns; i++) {
      const tile = map.decode([xs[i], y]);
      for (let p = 0, at = j * TILE * image.width + i * TILE; p < PIXELS; at += image.width - TILE)
        for (let x = 0; x < TILE; x++, p++, at++) words[at] = ((((tile[p] * strength) / 255) << 24) | ink) >>> 0;
    }
  }
  s.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = false;
  g.drawImage(scratch, start[0], start[1]);
}

/* written pixel by pixel: ten thousand discs as paths would take a canvas without a GPU a tenth of a second */
function points(g, view, map, shown, colours) {
  const ratio = pixelRatio();
  const w = Math.round(view.width * ratio);
  const h = Math.round(view.height * ratio);
  const [s, image] = offscreen(w, h);
  const radius = clamp((view.width > 600 ? 1.25 : 1) * Math.sqrt(view.zoom), 1, 3.2) * ratio;
  const strength = 255 * (colours.dark ? 0.62 : 0.55);
  map.points.forEach((places, c) => {
    if (!shown[c]) return;
    const [red, green, blue] = colours.classRGB[c];
    for (let i = 0; i < places.length; i += 2) {
      const [x, y] = view.toPixel([places[i], places[i + 1]]).map((v) => v * ratio - 0.5);
      const right = Math.min(w - 1, Math.floor(x + radius + 0.5));
      const bottom = Math.min(h - 1, Math.floor(y + radius + 0.5));
      for (let py = Math.max(0, Math.ceil(y - radius - 0.5)); py <= bottom; py++)
        for (let px = Math.max(0, Math.ceil(x - radius - 0.5)); px <= right; px++) {
          const covered = strength * Math.min(1, radius + 0.5 - Math.hypot(px - x, py - y));
          const o = 4 * (py * w + px);
          if (covered <= image.data[o + 3]) continue;
          image.data[o] = red;
          image.data[o + 1] = green;
          image.data[o + 2] = blue;
          image.data[o + 3] = covered;
        }
    }
  });
  s.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = false;
  g.drawImage(scratch, 0, 0, view.width, view.height);
}

/* half of the class within the inner line, nine in ten within the outer */
function contours(g, view, map, shown, colours) {
  map.contours.forEach((levels, c) => {
    if (!shown[c]) return;
    g.strokeStyle = colours.classes[c];
    levels.forEach((lines, i) => {
      g.globalAlpha = i ? 0.5 : 1;
      g.lineWidth = i ? 1 : 1.75;
      g.beginPath();
      for (let k = 0; k < lines.length; k += 4) {
        g.moveTo(...view.toPixel([lines[k], lines[k + 1]]));
        g.lineTo(...view.toPixel([lines[k + 2], lines[k + 3]]));
      }
      g.stroke();
    });
  });
  g.globalAlpha = 1;
}

function prior(g, view, colours) {
  g.font = `12px ${colours.font}`;
  for (const sigma of [1, 2, 3]) {
    g.setLineDash([3, 5]);
    g.lineWidth = 1.25;
    g.strokeStyle = colours.ink;
    line(
      g,
      view,
      Array.from({ length: 97 }, (_, i) => [
        sigma * Math.cos((i / 48) * Math.PI),
        sigma * Math.sin((i / 48) * Math.PI),
      ]),
    );
    g.stroke();
    g.setLineDash([]);
    const [x, y] = view.toPixel([sigma * Math.sin(0.5), -sigma * Math.cos(0.5)]);
    g.lineWidth = 4;
    g.strokeStyle = colours.map;
    g.strokeText(`${sigma}σ`, x + 3, y - 4);
    g.fillStyle = colours.soft;
    g.fillText(`${sigma}σ`, x + 3, y - 4);
  }
}

function numerals(g, view, map, shown, colours) {
  shown.forEach((on, c) => {
    if (!on) return;
    const [x, y] = view.toPixel(map.places[`class:${c}`]);
    g.beginPath();
    g.arc(x, y, 11, 0, 7);
    g.fillStyle = colours.map;
    g.fill();
    g.lineWidth = 1.5;
    g.strokeStyle = g.fillStyle = colours.classes[c];
    g.stroke();
    centred(g, colours, c, x, y, 16);
  });
}

/* `layers` says which there are, `shown` which classes; `map` is null while it is on its way */
export function drawGround(canvas, view, map, layers, shown, colours) {
  const g = sized(canvas, view);
  g.fillStyle = colours.map;
  g.fillRect(0, 0, view.width, view.height);
  if (!map) return;
  if (map.density) tint(g, view, map, shown, colours);
  if (layers.digits) digits(g, view, map, colours);
  if (layers.points && map.points) points(g, view, map, shown, colours);
  if (layers.contours && map.contours) contours(g, view, map, shown, colours);
  if (layers.prior) prior(g, view, colours);
  if (map.codes) numerals(g, view, map, shown, colours);
}
