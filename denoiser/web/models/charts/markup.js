/* What stands around a chart: its legend, its buttons and its figures as a table. */
import { html } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { lineSample } from "../format.js";

const ICON = html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
  <path d="M10 3v10M6 9.500l4 4 4-4M4 16.500h12" />
</svg>`;

const isTouch = () => matchMedia("(pointer: coarse)").matches;

/** A chart and all around it, still empty. */
export const frame = () =>
  html`<div class="plot">
      <div class="area">
        <div class="chart" role="img" tabindex="0"></div>
        <div class="message" role="status"><p></p></div>
      </div>
      <div class="key" role="group" aria-label="${t("models.charts.legend")}"></div>
    </div>
    <div class="below">
      <p class="caption">${isTouch() ? t("models.charts.hintTouch") : t("models.charts.hint")}</p>
      <button class="quiet whole" type="button" hidden>${t("models.charts.whole")}</button>
      <button class="quiet save" type="button" aria-label="${t("models.charts.save")}" disabled>${ICON}PNG</button>
    </div>
    <details class="values">
      <summary>${t("models.charts.table")}</summary>
      <div class="scroll" tabindex="0" role="group" aria-label="${t("models.charts.table")}"><table></table></div>
    </details>
    <p class="unseen reading" aria-live="polite"></p>`;

/** The names with the values at the pointer, as markup. */
export function legend({ series, columns, notes }, hidden) {
  const sample = (one) => (one.symbol ? html`<i class="mark ${one.symbol}"></i>` : lineSample(one.style));
  const row = (one, i) =>
    html`<button type="button" data-name="${one.name}" aria-pressed="${!hidden.has(one.name)}" title="${one.name}">
        <span class="sample" style="--c:${one.style.colour}">${sample(one)}</span
        ><span class="n ${one.strong ? "main" : ""}">${one.name}</span>
      </button>
      ${columns.map((_, j) => html`<span class="v" data-v="${i}-${j}"></span>`)}`;
  const heads =
    columns.length > 1 ? [html`<span></span>`, columns.map((name) => html`<span class="k">${name}</span>`)] : "";
  return html`${heads} ${series.map(row)} ${notes.map((note) => html`<span class="apart">${note}</span>`)}`;
}

/** A table's heads and rows, as markup; the first of each row names it. */
export const tableMarkup = ({ heads, rows }) =>
  html`<thead>
      <tr>
        ${heads.map((head, i) => html`<th scope="col" class="${i ? "" : "l"}">${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([name, ...values]) =>
          html`<tr>
            <th scope="row" class="l">${name}</th>
            ${values.map((value) => html`<td>${value}</td>`)}
          </tr>`,
      )}
    </tbody>`;
