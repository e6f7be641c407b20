/* Round numbers for the ticks of an axis. */

/** About `steps` round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten. */
export function linearTicks(low, high, steps) {
  const rough = (high - low) / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(i * step);
  return ticks;
}

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

/** At least three round numbers for a logarithmic axis from `low` to `high`. */
export function logTicks(low, high) {
  const choices = [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]].map((mantissas) => decadeTicks(low, high, mantissas));
  return choices.find((ticks) => ticks.length >= 3) ?? linearTicks(low, high, 5);
}
