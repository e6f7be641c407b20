/* Small arithmetic, and numbers for people. */

/** `value`, kept between `low` and `high`. */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** A probability: never quite 100 %. */
export const percent = (p) => (p > 0.995 ? "> 99 %" : `${Math.round(p * 100)} %`);

/** A seed as the page draws one. */
export const newSeed = () => Math.floor(Math.random() * 100000);
