/* The map: decoded digits as its ground, test codes as points, the visitor's digit, two pins, and a pointer.
   What it shares with the components around it lies in the store:
   chart  what the server said of this map, ready to use: decode(z), readings(z), nearest(z)
   point  the place pointed at, {z, by: "mouse" | "touch" | "keys" | "sample"}, or null
   own    where the visitor's digit lands under growing noise; drift is the noise factor shown
   pins   {a, b}; route the places between them; frame the one of them that is shown
   onMap  whether the tab is in view */
const store = window.denoiser;
const $ = selector => element.querySelector(selector);
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
const box = $(".map"), groundCanvas = $(".ground"), overCanvas = $(".over"), note = $(".note");
const TILE = 28, BLOCK = 14;                       // px of a decoded digit, and of a patch of tint
const FLAG = 26;                                   // px by which a pin's letter stands off its place
const view = { mode: "plane", zoom: 1, centre: [0, 0] };
const layers = { digits: true, points: true, contours: true, prior: true };
const shown = new Array(10).fill(true);
let width = 0, height = 0, ratio = 1, colours = null;

/* ---------- what the server sends once ---------- */

async function inflate(text) {
  const stream = new Blob([store.bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* undo pack_tiles: from differences, pixel after pixel over the plane, to one tile after the other */
function unpackTiles(planes, side, top) {
  const count = side * side, tiles = new Uint8Array(count * store.M);
  for (let p = 0; p < store.M; p++)
    for (let row = 0; row < side; row++)
      for (let column = 0, value = 0, at = p * count + row * side, to = row * side * store.M + p; column < side; column++, at++, to += store.M) {
        value = value + planes[at] & 255;
        tiles[to] = Math.round(value * 255 / top);
      }
  return tiles;
}

/* values on a lattice over the map, `depth` of them at each place, interpolated at z */
function interpolated(values, side, depth, reach, out) {
  const half = out instanceof Uint8Array ? 0.5 : 0;   // bytes are cut off, not rounded
  return z => {
    const x = clamp((z[0] + reach) / (2 * reach), 0, 1) * (side - 1), y = clamp((z[1] + reach) / (2 * reach), 0, 1) * (side - 1);
    const i = Math.min(side - 2, Math.floor(x)), j = Math.min(side - 2, Math.floor(y)), u = x - i, v = y - j;
    const a = (j * side + i) * depth, b = a + depth, c = a + side * depth, d = c + depth;
    const wa = (1 - u) * (1 - v), wb = u * (1 - v), wc = (1 - u) * v, wd = u * v;
    for (let p = 0; p < depth; p++) out[p] = wa * values[a + p] + wb * values[b + p] + wc * values[c + p] + wd * values[d + p] + half;
    return out;
  };
}

async function unfold(reply) {
  const { side, reach, codes } = reply;
  const chart = {
    ...reply,
    decode: interpolated(unpackTiles(await inflate(reply.tiles), side, reply.top), side, store.M, reach, new Uint8Array(store.M)),
    readings: () => null,
    nearest: () => null,
  };
  if (reply.readings) {
    const read = interpolated(store.bytes(reply.readings), reply.readingSide, 10, reach, new Float32Array(10));
    chart.readings = z => Array.from(read(z), v => v / 255);
  }
  if (!codes) return chart;
  const places = Float32Array.from(new Int16Array(store.bytes(codes.places).buffer), v => v / 32767 * reach);
  const labels = store.bytes(codes.labels), density = await inflate(codes.density);
  chart.points = Array.from({ length: 10 }, (_, c) => places.filter((_, i) => labels[i >> 1] === c));
  chart.nearest = z => {
    let best = Infinity, at = 0;
    for (let i = 0; i < labels.length; i++) {
      const dx = places[2 * i] - z[0], dy = places[2 * i + 1] - z[1], d = dx * dx + dy * dy;
      if (d < best) { best = d; at = i; }
    }
    return { digit: labels[at], distance: Math.sqrt(best) };
  };
  chart.contours = codes.levels.map((levels, c) => levels.map(level => contour(density, codes.densitySide, c, level, reach)));
  chart.density = byClass(density, codes.densitySide, reach);
  return chart;
}

/* densities of the ten classes side by side at each place */
function byClass(density, side, reach) {
  const values = new Float32Array(density.length), count = side * side;
  for (let c = 0; c < 10; c++) for (let i = 0; i < count; i++) values[i * 10 + c] = (density[c * count + i] / 255) ** 4;
  return interpolated(values, side, 10, reach, new Float32Array(10));
}

/* marching squares: line pieces [x1, y1, x2, y2, ...] on the plane where one class's density crosses `level` */
function contour(density, side, c, level, reach) {
  const lines = [], from = c * side * side, step = 2 * reach / (side - 1);
  for (let j = 0; j < side - 1; j++)
    for (let i = 0; i < side - 1; i++) {
      const k = from + j * side + i;
      const corners = [density[k], density[k + 1], density[k + side + 1], density[k + side]];
      const cuts = [];
      for (let e = 0; e < 4; e++) {
        const p = corners[e], q = corners[(e + 1) % 4];
        if (p < level === q < level) continue;
        const t = (level - p) / (q - p), [x, y] = [[t, 0], [1, t], [1 - t, 1], [0, 1 - t]][e];
        cuts.push((i + x) * step - reach, (j + y) * step - reach);
      }
      lines.push(...cuts);   // two cuts, or four at a saddle
    }
  return lines;
}

/* ---------- coordinates: the plane itself, or the prior's quantiles ---------- */

const normalDistribution = x => {   // Abramowitz and Stegun 26.2.17
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = 0.3989423 * Math.exp(-x * x / 2) * t * (0.3193815 + t * (-0.3565638 + t * (1.781478 + t * (-1.821256 + t * 1.330274))));
  return x > 0 ? 1 - tail : tail;
};
function normalQuantile(q) {
  let low = -6, high = 6;
  for (let i = 0; i < 30; i++) { const middle = (low + high) / 2; if (normalDistribution(middle) < q) low = middle; else high = middle; }
  return (low + high) / 2;
}
const reach = () => store.state.chart.reach;
const bounds = () => view.mode === "plane" ? [-reach(), reach()] : [0, 1];
const warp = z => view.mode === "plane" ? z : normalDistribution(z);
const unwarp = u => view.mode === "plane" ? clamp(u, -reach(), reach()) : normalQuantile(clamp(u, 0.0005, 0.9995));
const scales = () => view.mode === "plane"
  ? new Array(2).fill(Math.max(Math.min(width / 7.2, height / 6.4), Math.max(width, height) / 12) * view.zoom)
  : [width * view.zoom, height * view.zoom];
let scale = [1, 1];
const toPixel = z => [width / 2 + (warp(z[0]) - view.centre[0]) * scale[0], height / 2 - (warp(z[1]) - view.centre[1]) * scale[1]];
const across = x => unwarp((x - width / 2) / scale[0] + view.centre[0]);
const upwards = y => unwarp((height / 2 - y) / scale[1] + view.centre[1]);
const toPlace = ([x, y]) => [across(x), upwards(y)];

function settle() {   // keep the view on the map
  scale = scales();
  const [low, high] = bounds();
  [width, height].forEach((size, i) => {
    const half = Math.min((high - low) / 2, size / 2 / scale[i]);
    view.centre[i] = clamp(view.centre[i], low + half, high - half);
  });
}
function zoom(factor, at = [width / 2, height / 2]) {
  const before = [(at[0] - width / 2) / scale[0], (height / 2 - at[1]) / scale[1]];
  const old = view.zoom;
  view.zoom = clamp(view.zoom * factor, 1, 12);
  [0, 1].forEach(i => { view.centre[i] += before[i] * (1 - old / view.zoom); });
  draw();
}
function pan(dx, dy) {
  view.centre[0] -= dx / scale[0];
  view.centre[1] += dy / scale[1];
  draw();
}
function fit() {
  view.zoom = 1;
  view.centre = view.mode === "plane" ? [0, 0] : [0.5, 0.5];
  draw();
}

/* ---------- the ground, drawn when the view changes ---------- */

function palette() {
  const style = getComputedStyle(document.body), value = name => style.getPropertyValue(name).trim();
  colours = {
    map: value("--map"), ink: value("--ink"), soft: value("--ink-2"), own: value("--vae"), font: value("--type"),
    inkRGB: store.colour("--ink"), classes: shown.map((_, c) => value(`--k${c}`)), classRGB: shown.map((_, c) => store.colour(`--k${c}`)),
    dark: document.body.classList.contains("dark"),
  };
}
function sized(canvas) {
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return g;
}
const scratch = document.createElement("canvas");
function offscreen(w, h) {
  [scratch.width, scratch.height] = [w, h];
  const g = scratch.getContext("2d");
  return [g, g.createImageData(w, h)];
}

function ground() {
  const g = sized(groundCanvas), { chart } = store.state;
  g.fillStyle = colours.map;
  g.fillRect(0, 0, width, height);
  if (!chart) return;
  if (chart.density) tint(g, chart);
  if (layers.digits) digits(g, chart);
  if (layers.points && chart.points) points(g, chart);
  if (layers.contours && chart.contours) contours(g, chart);
  if (layers.prior) prior(g);
  if (chart.codes && (layers.points || layers.contours)) numerals(g, chart);
}
function tint(g, chart) {   // each place takes the colours of the classes that live there
  const columns = Math.ceil(width / BLOCK) + 1, rows = Math.ceil(height / BLOCK) + 1, [s, image] = offscreen(columns, rows);
  const xs = Array.from({ length: columns }, (_, i) => across(i * BLOCK + BLOCK / 2)), strength = 255 * (colours.dark ? 0.26 : 0.17);
  for (let j = 0, o = 0; j < rows; j++) {
    const y = upwards(j * BLOCK + BLOCK / 2);
    for (let i = 0; i < columns; i++, o += 4) {
      const density = chart.density([xs[i], y]);
      let total = 1e-5, square = 0;
      const rgb = [0, 0, 0];
      for (let c = 0; c < 10; c++) if (shown[c]) {
        total += density[c];
        square += density[c] * density[c];
        for (let k = 0; k < 3; k++) rgb[k] += density[c] * colours.classRGB[c][k];
      }
      for (let k = 0; k < 3; k++) image.data[o + k] = rgb[k] / total;
      image.data[o + 3] = strength * square / (total * total) * Math.min(1, total * 60);
    }
  }
  s.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = true;
  g.drawImage(scratch, 0, 0, columns * BLOCK, rows * BLOCK);
}
function digits(g, chart) {   // a lattice fixed to the map's origin, so that it moves with the map
  const origin = toPixel([0, 0]), start = origin.map(p => ((p - TILE / 2) % TILE + TILE) % TILE - TILE);
  const columns = Math.ceil((width - start[0]) / TILE), rows = Math.ceil((height - start[1]) / TILE);
  const [s, image] = offscreen(columns * TILE, rows * TILE), words = new Uint32Array(image.data.buffer);
  const [r, gr, b] = colours.inkRGB, ink = b << 16 | gr << 8 | r, strength = colours.dark ? 92 : 84;
  const xs = Array.from({ length: columns }, (_, i) => across(start[0] + i * TILE + TILE / 2));
  for (let j = 0; j < rows; j++) {
    const y = upwards(start[1] + j * TILE + TILE / 2);
    for (let i = 0; i < columns; i++) {
      const tile = chart.decode([xs[i], y]);
      for (let p = 0, at = j * TILE * image.width + i * TILE; p < store.M; at += image.width - TILE)
        for (let x = 0; x < TILE; x++, p++, at++) words[at] = (tile[p] * strength / 255 << 24 | ink) >>> 0;
    }
  }
  s.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = false;
  g.drawImage(scratch, start[0], start[1]);
}
function points(g, chart) {
  const radius = clamp((width > 600 ? 1.25 : 1) * Math.sqrt(view.zoom), 1, 3.2);
  g.globalAlpha = colours.dark ? 0.62 : 0.55;
  chart.points.forEach((places, c) => {
    if (!shown[c]) return;
    g.fillStyle = colours.classes[c];
    g.beginPath();
    for (let i = 0; i < places.length; i += 2) {
      const [x, y] = toPixel([places[i], places[i + 1]]);
      if (x < -4 || y < -4 || x > width + 4 || y > height + 4) continue;
      g.moveTo(x + radius, y);
      g.arc(x, y, radius, 0, 7);
    }
    g.fill();
  });
  g.globalAlpha = 1;
}
function contours(g, chart) {   // half of the class within the inner line, nine in ten within the outer
  chart.contours.forEach((levels, c) => {
    if (!shown[c]) return;
    g.strokeStyle = colours.classes[c];
    levels.forEach((lines, i) => {
      g.globalAlpha = i ? 0.5 : 1;
      g.lineWidth = i ? 1 : 1.75;
      g.beginPath();
      for (let k = 0; k < lines.length; k += 4) {
        g.moveTo(...toPixel([lines[k], lines[k + 1]]));
        g.lineTo(...toPixel([lines[k + 2], lines[k + 3]]));
      }
      g.stroke();
    });
  });
  g.globalAlpha = 1;
}
function prior(g) {
  g.font = `12px ${colours.font}`;
  for (const sigma of [1, 2, 3]) {
    const ring = Array.from({ length: 97 }, (_, i) => [sigma * Math.cos(i / 48 * Math.PI), sigma * Math.sin(i / 48 * Math.PI)]);
    g.setLineDash([3, 5]);
    g.lineWidth = 1.25;
    g.strokeStyle = colours.ink;
    line(g, ring);
    g.stroke();
    g.setLineDash([]);
    const [x, y] = toPixel([sigma * Math.sin(0.5), -sigma * Math.cos(0.5)]);
    g.lineWidth = 4;
    g.strokeStyle = colours.map;
    g.strokeText(`${sigma}σ`, x + 3, y - 4);
    g.fillStyle = colours.soft;
    g.fillText(`${sigma}σ`, x + 3, y - 4);
  }
}
function numerals(g, chart) {
  chart.codes.centres.forEach((z, c) => {
    if (!shown[c]) return;
    const [x, y] = toPixel(z);
    g.beginPath();
    g.arc(x, y, 11, 0, 7);
    g.fillStyle = colours.map;
    g.fill();
    g.lineWidth = 1.5;
    g.strokeStyle = g.fillStyle = colours.classes[c];
    g.stroke();
    centred(g, c, x, y, 16);
  });
}

/* ---------- what lies on it, drawn on every change ---------- */

function line(g, places) {
  g.beginPath();
  places.forEach((z, i) => (i ? g.lineTo(...toPixel(z)) : g.moveTo(...toPixel(z))));
}
function haloed(g, thickness, colour) {
  g.lineWidth = thickness + 4;
  g.strokeStyle = colours.map;
  g.stroke();
  g.lineWidth = thickness;
  g.strokeStyle = colour;
  g.stroke();
}
function centred(g, text, x, y, size) {
  g.font = `600 ${size}px ${colours.font}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  g.fillText(text, x, y + 1);
  g.textAlign = "start";
  g.textBaseline = "alphabetic";
}
function label(g, text, x, y, toRight) {
  g.font = `600 13px ${colours.font}`;
  const w = g.measureText(text).width + 14;
  x = clamp(toRight ? x : x - w, 4, width - w - 4);
  y = clamp(y, 15, height - 15);
  g.fillStyle = colours.own;
  g.beginPath();
  g.roundRect(x, y - 11, w, 22, 4);
  g.fill();
  g.fillStyle = colours.map;
  centred(g, text, x + w / 2, y, 13);
}
function dot(g, z, radius, fill, edge, thickness) {
  g.beginPath();
  g.arc(...toPixel(z), radius, 0, 7);
  g.fillStyle = fill;
  g.fill();
  if (!edge) return;
  g.strokeStyle = edge;
  g.lineWidth = thickness;
  g.stroke();
}

function over() {
  if (!width || !colours) return;
  const g = sized(overCanvas), { chart, pins, route, frame, own, drift = 0, point } = store.state;
  g.clearRect(0, 0, width, height);
  if (!chart) return;
  g.lineJoin = "round";
  if (route) {
    line(g, route);
    g.setLineDash([]);
    g.lineWidth = 4;
    g.strokeStyle = colours.map;
    g.stroke();
    g.setLineDash([6, 4]);
    g.lineWidth = 1.5;
    g.strokeStyle = colours.ink;
    g.stroke();
    g.setLineDash([]);
    if (frame != null) dot(g, route[frame], 5, colours.ink);
  }
  if (own) mark(g, own, drift);
  if (pins) for (const name of ["a", "b"]) {
    const foot = toPixel(pins[name]), [x, y] = flag(foot);
    g.beginPath();
    g.moveTo(...foot);
    g.lineTo(x, y);
    haloed(g, 2, colours.ink);
    dot(g, pins[name], 3.5, colours.ink, colours.map, 1.5);
    g.fillStyle = colours.ink;
    g.beginPath();
    g.roundRect(x - 10, y - 10, 20, 20, 3);
    g.fill();
    g.lineWidth = 2;
    g.strokeStyle = colours.map;
    g.stroke();
    g.fillStyle = colours.map;
    centred(g, name.toUpperCase(), x, y, 13);
  }
  if (own) words(g, own, drift);
  if (point) {
    const [x, y] = toPixel(point.z);
    for (const [colour, thickness] of [[colours.map, 4], [colours.ink, 2]]) {
      g.strokeStyle = colour;
      g.lineWidth = thickness;
      g.strokeRect(x - TILE / 2, y - TILE / 2, TILE, TILE);
    }
  }
}
function mark(g, own, drift) {   // the visitor's digit: its path under noise, one sigma around its mean, the crossing
  const here = own.at(drift);
  line(g, own.mu);
  haloed(g, 2.5, colours.own);
  own.mu.forEach((z, i) => i % 2 || dot(g, z, 2.6, colours.own));
  line(g, Array.from({ length: 49 }, (_, i) => [here.mu[0] + here.sigma[0] * Math.cos(i / 24 * Math.PI), here.mu[1] + here.sigma[1] * Math.sin(i / 24 * Math.PI)]));
  g.fillStyle = colours.own;
  g.globalAlpha = 0.22;
  g.fill();
  g.globalAlpha = 1;
  haloed(g, 2, colours.own);
  dot(g, here.mu, 5, colours.own, colours.map, 2);
  if (own.crossing > 0) dot(g, own.at(own.crossing).mu, 6, colours.map, colours.own, 2.5);
}
function words(g, own, drift) {
  if (own.crossing > 0) {
    const [x, y] = toPixel(own.at(own.crossing).mu);
    label(g, `reads ${own.reads[own.factors.indexOf(own.crossing)]} from ${own.crossing.toFixed(2)}`, x + 14, y - 4, true);
  }
  const [x, y] = toPixel(own.at(drift).mu);
  if (drift < 0.03) label(g, "your drawing", x - 18, y - 18, false);
}

let drawing = 0;
function draw() {
  if (!drawing) drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (!width || !colours) return;
    if (store.state.chart) settle();
    ground();
    over();
  });
}

/* ---------- hands ---------- */

const touches = new Map();   // pointers that are down: id to place
let held = null;             // what they hold: a pin's name, "map" or "point"
let grip = [0, 0];           // from the pin's place to where it was taken
const at = event => { const r = overCanvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
const flag = ([x, y]) => [x, y < FLAG + 14 ? y + FLAG : y - FLAG];
const pinAt = ([x, y], far) => store.state.pins && ["a", "b"].find(name => {
  const pixel = flag(toPixel(store.state.pins[name]));
  return Math.hypot(pixel[0] - x, pixel[1] - y) < far;
});
const pointAt = (pixel, by) => store.set({ point: { z: toPlace(pixel), by } });

overCanvas.onpointerdown = event => {
  if (!store.state.chart) return;
  overCanvas.setPointerCapture(event.pointerId);
  const pixel = at(event), mouse = event.pointerType === "mouse";
  touches.set(event.pointerId, pixel);
  if (touches.size > 1) held = "map";
  else held = pinAt(pixel, mouse ? 14 : 24) ?? (mouse ? "map" : "point");
  if (held === "point") pointAt(pixel, "touch");
  if (held in store.state.pins) {
    const foot = toPixel(store.state.pins[held]);
    grip = [pixel[0] - foot[0], pixel[1] - foot[1]];
  }
};
overCanvas.onpointermove = event => {
  if (!store.state.chart) return;
  const pixel = at(event), last = touches.get(event.pointerId);
  if (last && touches.size > 1) {
    const other = [...touches].find(([id]) => id !== event.pointerId)[1];
    const middle = [(last[0] + other[0]) / 2, (last[1] + other[1]) / 2];
    pan((pixel[0] - last[0]) / 2, (pixel[1] - last[1]) / 2);
    zoom(Math.hypot(pixel[0] - other[0], pixel[1] - other[1]) / Math.max(8, Math.hypot(last[0] - other[0], last[1] - other[1])), middle);
  } else if (last && held === "map") {
    pan(pixel[0] - last[0], pixel[1] - last[1]);
    pointAt(pixel, "mouse");
  } else if (last && held !== "point") {
    store.set({ pins: { ...store.state.pins, [held]: toPlace([pixel[0] - grip[0], pixel[1] - grip[1]]) } });
  } else if (last || event.pointerType === "mouse") {
    const pin = !last && pinAt(pixel, 14);
    overCanvas.style.cursor = pin ? "grab" : "";
    if (pin) store.set({ point: null });
    else pointAt([clamp(pixel[0], 0, width), clamp(pixel[1], 0, height)], last ? "touch" : "mouse");
  }
  if (last) touches.set(event.pointerId, pixel);
};
overCanvas.onpointerup = overCanvas.onpointercancel = event => {
  touches.delete(event.pointerId);
  if (!touches.size) held = null;
};
overCanvas.onpointerleave = event => {
  if (event.pointerType === "mouse" && !held) leave("mouse");
};
function leave(by) {   // back to the visitor's own point; a finger's point stays until it is sent away
  if (store.state.point?.by === by) store.set({ point: null });
}
overCanvas.onwheel = event => {
  if (view.zoom === 1 && event.deltaY > 0 && !event.ctrlKey) return;   // nothing left to zoom out of: the page scrolls
  event.preventDefault();
  if (store.state.chart) zoom(Math.exp(-clamp(event.deltaY, -200, 200) * (event.ctrlKey ? 0.01 : 0.002)), at(event));
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
overCanvas.onkeydown = event => {
  const { chart, point, own, drift = 0 } = store.state, arrow = ARROWS[event.key];
  if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
  if (arrow) {
    const step = event.shiftKey ? TILE : TILE / 4, from = toPixel(point?.z ?? own?.at(drift).mu ?? [0, 0]);
    const to = [from[0] + arrow[0] * step, from[1] + arrow[1] * step];
    const z = toPlace(to), margin = TILE;
    const beyond = (v, size) => v < margin ? margin - v : v > size - margin ? size - margin - v : 0;
    pan(beyond(to[0], width), beyond(to[1], height));
    settle();
    store.set({ point: { z, by: "keys" } });
  } else if (event.key === "Escape") store.set({ point: null });
  else if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
};
overCanvas.onblur = () => leave("keys");
$(".in").onclick = () => zoom(1.4);
$(".out").onclick = () => zoom(1 / 1.4);
$(".fit").onclick = fit;

/* ---------- choices ---------- */

$(".mode").onchange = event => { view.mode = event.target.value; fit(); };
$(".layers").onchange = event => { layers[event.target.value] = event.target.checked; draw(); };
const legend = $(".classes");
legend.insertAdjacentHTML("beforeend", shown.map((_, c) => `<button type="button" class="chip" style="--c:var(--k${c})" data-class="${c}" aria-pressed="true">${c}</button>`).join("")
  + '<button type="button" class="quiet all">Hide all</button>');
legend.onclick = event => {
  const chip = event.target.closest("[data-class]");
  if (chip) shown[chip.dataset.class] = !shown[chip.dataset.class];
  else if (event.target.closest(".all")) shown.fill(!shown.every(Boolean));
  else return;
  legend.querySelectorAll("[data-class]").forEach((b, c) => b.setAttribute("aria-pressed", shown[c]));
  legend.querySelector(".all").textContent = shown.every(Boolean) ? "Hide all" : "Show all";
  draw();
};
const which = $(".which");
if (props.names.length > 1) {
  which.hidden = false;
  which.innerHTML = props.names.map((name, i) => `<label><input type="radio" name="map-which" value="${name}" ${i ? "" : "checked"}><span data-t="${name}">${name}</span></label>`).join("");
  which.onchange = event => load(event.target.value);
}

/* ---------- life ---------- */

let wanted = null;
async function load(name) {
  wanted = name;
  const reply = await store.ask(server.chart, { name });
  if (wanted !== name) return;
  if (!reply) { wanted = null; note.textContent = "The map did not arrive. Open this page again."; return; }
  const chart = await unfold(reply);
  if (wanted !== name) return;
  $(".name").textContent = name;
  note.textContent = chart.problem ? `${chart.problem} The map shows what the decoder makes, and no more.` : "";
  legend.hidden = !chart.codes;
  element.querySelectorAll(".layers [value=points], .layers [value=contours]").forEach(input => { input.parentElement.hidden = !chart.codes; });
  const [a, b] = chart.codes ? [chart.codes.centres[0], chart.codes.centres[7]] : [[-2, 0], [2, 0]];
  store.set({ chart, own: null, point: null, frame: null, route: null });
  store.set({ pins: { a, b } });
  draw();
}
new ResizeObserver(() => {
  [width, height, ratio] = [box.clientWidth, box.clientHeight, Math.min(2, devicePixelRatio || 1)];
  const onMap = width > 0;
  if (onMap !== Boolean(store.state.onMap)) store.set({ onMap });
  if (onMap && !wanted) load(props.names[0]);
  if (onMap && store.state.chart) settle();
  draw();
}).observe(box);
store.on("theme", () => { palette(); draw(); });
store.on("point own drift pins route frame", over);
