/* What a link says of the Latent space page: which maps, what part of them, which layers, and the pins. */

const MODES = ["plane", "quantiles"];
const DIGITS = 1000; // coordinates are kept in thousandths

const round = (v) => Math.round(v * DIGITS) / DIGITS;
const isPoint = (z) => Array.isArray(z) && z.length === 2 && z.every((v) => Number.isFinite(v));
const isPin = (pin) => isPoint(pin) || (typeof pin === "string" && /^(drawing|(class|example):\d)$/.test(pin));
const areNames = (names) => Array.isArray(names) && names.every((name) => typeof name === "string");
const packPin = (pin) => (Array.isArray(pin) ? pin.map(round) : pin);

/**
 * @param {import("../store.js").State} state
 * @returns {object | null} null before the page was seen
 */
export function latentFacts({ latentView, pins }) {
  if (!latentView) return null;
  const { maps, mode, zoom, centre, layers } = latentView;
  const facts = { m: maps, q: MODES.indexOf(mode), z: [zoom, ...centre].map(round), y: layers };
  return pins ? { ...facts, a: packPin(pins.a), b: packPin(pins.b) } : facts;
}

/**
 * @param {any} facts  of a link
 * @returns {Partial<import("../store.js").State>} throws where they are not of ours
 */
export function parseLatentFacts(facts) {
  if (facts === null) return { latentView: null, pins: null };
  const { m, q, z, y, a, b } = facts;
  const hasPins = a !== undefined || b !== undefined;
  const valid =
    areNames(m) &&
    q in MODES &&
    Array.isArray(z) &&
    z.length === 3 &&
    z.every((v) => Number.isFinite(v)) &&
    areNames(y) &&
    (!hasPins || (isPin(a) && isPin(b)));
  if (!valid) throw new Error("not a link of ours");
  const latentView = { maps: m, mode: MODES[q], zoom: z[0], centre: z.slice(1), layers: y };
  return { latentView, pins: hasPins ? { a, b } : null };
}
