/* Round numbers for the ticks of an axis. */

/** The numbers from `low` to `high` that are one of the mantissas times a power of ten. */
export function decadeTicks(low, high, mantissas) {
  const ticks = [];
  for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.log10(high); exponent++)
    for (const mantissa of mantissas) {
      const tick = mantissa * 10 ** exponent;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  return ticks;
}
