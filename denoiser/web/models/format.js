/* How the Models page writes figures, shapes and descriptions, and colours its models. */
import { html } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";

/** What stands for a missing figure. */
export const NONE = html`<small>–</small>`;

/** The colour of a family. */
export const colour = (family) => `var(--${family})`;

/** A whole number with thousands separators. */
export const count = (value) => value.toLocaleString("en-US");

/** A loss, with as many digits as matter. */
export const figure = (value) => (value == null ? NONE : value >= 10 ? value.toFixed(1) : value.toFixed(4));

/** A number's minus as a proper minus sign. */
export const minus = (number) => number.replace("-", "−");

/** Decibels; null is infinitely many. */
export const decibel = (value) => (value == null ? "∞ dB" : minus(`${value.toFixed(1)} dB`));

/** Decibels with their sign. */
export const signed = (value) => (value < 0 ? "" : "+") + decibel(value);

/** A duration, given in seconds, in the unit that suits it. */
export function duration(seconds) {
  if (seconds == null) return NONE;
  if (seconds < 100) return t("models.format.seconds", Math.round(seconds));
  if (seconds < 5400) return t("models.format.minutes", Math.round(seconds / 60));
  return t("models.format.hours", (seconds / 3600).toFixed(1));
}

/** The phrases of a description, "convolution 3 x 3, ReLU". */
export const joined = (phrases) => phrases.map(localize).join(t("common.comma"));

/** The shape of an array, "8 × 14 × 14". */
export const shape = (sizes) => sizes.join(" × ");

/** A short piece of a model's line, as markup. */
export const lineSample = (style) =>
  html`<svg viewBox="0 0 24 8" aria-hidden="true">
    <path d="M0 4H24" fill="none" stroke="${style.colour}" stroke-width="2" stroke-dasharray="${style.dash}" />
  </svg>`;
