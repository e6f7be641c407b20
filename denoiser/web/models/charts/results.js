/* The figures over the test digits, as charts write them, and the choices among them. */
import { NOISE_KINDS } from "../../shell/constants.js";
import { finder, html, setHtml } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { minus } from "../format.js";

/**
 * @typedef {object} Results
 * @property {Record<string, {label: any, unit: string, decimals: number}>} figures
 * @property {Record<string, Record<string, Record<string, number[][]>>>} quality  noise kind, figure, model: its points
 * @property {Record<string, number>} milliseconds  for one digit, by model
 * @property {Record<string, any>} families  what they are called
 */

/** The name of the noisy picture itself among the results. */
export const NOISY = "noisy";

/** A noise kind, as it is called. */
export const kindName = (kind) => localize(NOISE_KINDS[kind].label);

/** How a figure is written: its name, its axis, a value, a value with its unit. */
export function figureOf({ figures }, key) {
  const { label, unit, decimals } = figures[key];
  const write = (value) => minus(value.toFixed(decimals));
  return {
    name: localize(label),
    axis: unit ? t("models.charts.withUnit", localize(label), unit) : localize(label),
    write,
    inWords: (value) => t("models.charts.valueOf", localize(label), `${write(value)}${unit && ` ${unit}`}`),
  };
}

/** The options of a <select>. */
export const fillSelect = (select, values, label, chosen) =>
  setHtml(
    select,
    values.map(
      (value) => html`<option value="${value}" ${value === chosen ? "selected" : ""}>${label(value)}</option>`,
    ),
  );

/**
 * Fill a section's choices of a noise kind and a figure, the first of each chosen.
 * @param {HTMLElement} section
 * @param {Results} results
 * @param {() => void} onChange
 * @returns {() => {kind: string, key: string}} what is chosen
 */
export function mountChoices(section, { figures, quality }, onChange) {
  const find = finder(section);
  const kinds = find(".kind", HTMLSelectElement);
  const keys = find(".figure");
  fillSelect(kinds, Object.keys(quality), (kind) => t("models.charts.noiseKind", kindName(kind)), "");
  setHtml(
    keys,
    Object.entries(figures).map(
      ([key, { label }], i) =>
        html`<label
          ><input type="radio" name="${section.className}-figure" value="${key}" ${i ? "" : "checked"} /><span
            >${localize(label)}</span
          ></label
        >`,
    ),
  );
  kinds.onchange = keys.onchange = onChange;
  return () => ({ kind: kinds.value, key: checkedValue(keys) });
}

/**
 * The value that is chosen in a group of radio buttons.
 * @param {HTMLElement} group
 */
export function checkedValue(group) {
  /** @type {HTMLInputElement | null} */
  const input = group.querySelector("input:checked");
  return input?.value;
}
