/* What the server sends of a map, made ready to use without asking again:
   decode(z) 784 bytes, readings(z), density(z) by class, nearest(z) test digit, points and contours by class, places */
import { fromBase64 } from "../../shell/base64.js";
import { clamp } from "../../shell/numbers.js";
import { PIXELS } from "../../shell/pixels.js";

const CLASSES = 10;

async function inflate(text) {
  const stream = new Blob([fromBase64(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* undo pack_tiles: from differences, pixel after pixel over the plane, to one tile after the other */
function unpack(planes, side, top) {
  const count = side * side;
  const tiles = new Uint8Array(count * PIXELS);
  const above = new Uint8Array(side);
  for (let p = 0, at = 0; p < PIXELS; p++) {
    above.fill(0);
    for (let row = 0, to = p; row < side; row++)
      for (let column = 0, sum = 0; column < side; column++, at++, to += PIXELS) {
        sum += planes[at];
        above[column] += sum; // modulo 256
        tiles[to] = Math.round((above[column] * 255) / top);
      }
  }
  return tiles;
}

/* values on a lattice over the map, `depth` of them at each place, interpolated at z; `share` says where a coordinate
   lies between the lattice's ends, 0 to 1 */
function interpolated(values, side, depth, share, out) {
  const half = out instanceof Uint8Array ? 0.5 : 0; // bytes are cut off, not rounded
  return (z) => {
    const x = clamp(share(z[0]), 0, 1) * (side - 1);
    const y = clamp(share(z[1]), 0, 1) * (side - 1);
    const i = Math.min(side - 2, Math.floor(x));
    const j = Math.min(side - 2, Math.floor(y));
    const u = x - i;
    const v = y - j;
    const a = (j * side + i) * depth;
    const b = a + depth;
    const c = a + side * depth;
    const d = c + depth;
    const wa = (1 - u) * (1 - v);
    const wb = u * (1 - v);
    const wc = (1 - u) * v;
    const wd = u * v;
    for (let p = 0; p < depth; p++)
      out[p] = wa * values[a + p] + wb * values[b + p] + wc * values[c + p] + wd * values[d + p] + half;
    return out;
  };
}

/* marching squares: line pieces [x1, y1, x2, y2, ...] on the plane where one class's density crosses `level` */
function contour(density, side, c, level, reach) {
  const lines = [];
  const from = c * side * side;
  const step = (2 * reach) / (side - 1);
  for (let j = 0; j < side - 1; j++)
    for (let i = 0; i < side - 1; i++) {
      const k = from + j * side + i;
      const corners = [density[k], density[k + 1], density[k + side + 1], density[k + side]];
      for (let e = 0; e < 4; e++) {
        // two cuts, or four at a saddle
        const p = corners[e];
        const q = corners[(e + 1) % 4];
        if (p < level === q < level) continue;
        const t = (level - p) / (q - p);
        const [x, y] = [
          [t, 0],
          [1, t],
          [1 - t, 1],
          [0, 1 - t],
        ][e];
        lines.push((i + x) * step - reach, (j + y) * step - reach);
      }
    }
  return lines;
}

function nearest(points, labels) {
  return (z) => {
    let best = Infinity;
    let at = 0;
    for (let i = 0; i < labels.length; i++) {
      const dx = points[2 * i] - z[0];
      const dy = points[2 * i + 1] - z[1];
      const d = dx * dx + dy * dy;
      if (d < best) {
        best = d;
        at = i;
      }
    }
    return { digit: labels[at], distance: Math.sqrt(best) };
  };
}

/** What the server sends of a map, ready to use. */
export async function latentMapOf(reply) {
  const { side, reach, crowding, codes } = reply;
  const even = (v) => (v / reach + 1) / 2;
  const crowded = (v) => (Math.asinh((v / reach) * Math.sinh(crowding)) / crowding + 1) / 2; // as in atlas_lattice
  const map = { ...reply, readings: () => null, nearest: () => null, places: {} };
  map.decode = interpolated(
    unpack(await inflate(reply.tiles), side, reply.top),
    side,
    PIXELS,
    crowded,
    new Uint8Array(PIXELS),
  );
  if (reply.readings) {
    const read = interpolated(
      await inflate(reply.readings),
      reply.readingSide,
      CLASSES,
      crowded,
      new Float32Array(CLASSES),
    );
    map.readings = (z) => Array.from(read(z), (v) => v / 255);
  }
  for (const [name, place] of Object.entries(reply.examples)) map.places[`example:${name}`] = place;
  if (!codes) return map;
  const points = Float32Array.from(new Int16Array(fromBase64(codes.places).buffer), (v) => (v / 32767) * reach);
  const labels = fromBase64(codes.labels);
  const density = await inflate(codes.density);
  const count = codes.densitySide ** 2;
  map.nearest = nearest(points, labels);
  map.points = Array.from({ length: CLASSES }, (_, c) => points.filter((_, i) => labels[i >> 1] === c));
  map.contours = codes.levels.map((levels, c) =>
    levels.map((level) => contour(density, codes.densitySide, c, level, reach)),
  );
  const beside = new Float32Array(density.length); // the classes' densities side by side at each place
  for (let c = 0; c < CLASSES; c++)
    for (let i = 0; i < count; i++) beside[i * CLASSES + c] = (density[c * count + i] / 255) ** 4;
  map.density = interpolated(beside, codes.densitySide, CLASSES, even, new Float32Array(CLASSES));
  codes.centres.forEach((place, c) => {
    map.places[`class:${c}`] = place;
  });
  return map;
}
