/* Places on the latent plane: their quantiles under the prior, their names, and where the ends of the morph lie. */
import { state } from "../shell/store.js";

/* the standard normal distribution (Abramowitz and Stegun 26.2.17) and its inverse */
export function normal(x) {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    0.3989423 *
    Math.exp((-x * x) / 2) *
    t *
    (0.3193815 + t * (-0.3565638 + t * (1.781478 + t * (-1.821256 + t * 1.330274))));
  return x > 0 ? 1 - tail : tail;
}
export function quantile(q) {
  let low = -6;
  let high = 6;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (normal(middle) < q) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Whether more than one map with its digits is shown (see LatentView in store.js). */
export const isDetailed = (view) => view !== null && (view.maps.length > 1 || view.layers.join() !== "digits");

export const signed = (v) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(2);
export const formatPoint = (z) => z.map(signed).join(", ");
export const top = (reading) => reading.indexOf(Math.max(...reading));

/* where an end of the morph lies on a map; undefined where that map does not know it */
export const latentPointOf = (end, map) =>
  Array.isArray(end) ? end : end === "drawing" ? state.trajectory?.maps[map.name]?.mu[0] : map.places[end];
