/* Lines over a shared x, with their values beside the names, and a cursor that reads them. */
import { appendHtml, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { clamp } from "../shell/numbers.js";
import { lineSample, minus } from "./format.js";
import { linearTicks, logTicks } from "../shell/ticks.js";

const MARGIN = { left: 4, right: 48, top: 20, bottom: 26 };
const MIN_WIDTH = 240;

/**
 * @typedef {object} Line
 * @property {number[][]} points  [x, y]
 * @property {boolean} [weak]  thin, and without a dot
 *
 * @typedef {object} Series  one model's lines; the last of them is the one that counts
 * @property {string} name
 * @property {{colour: string, dash: string}} style
 * @property {Line[]} lines
 *
 * @typedef {object} Chart
 * @property {Series[]} series
 * @property {string[]} lineNames  what the lines of a series are
 * @property {string[][]} [notes]  models without a line here: name and reason
 * @property {boolean} [log]  a logarithmic scale of y
 * @property {string} title  for screen readers
 * @property {number} digits  of values below 10
 */

const label = (value) => String(+value.toPrecision(6));

/** The scales of a chart of the given size. */
function scalesOf(lines, log, width, height) {
  const { left, right, top, bottom } = MARGIN;
  const points = lines.flatMap((line) => line.points);
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const ys = points.map(([, y]) => y).filter((y) => !log || y > 0);
  let low = Math.min(...ys);
  let high = Math.max(...ys);
  const pad = log ? (high / low) ** 0.04 : (high - low || 1) * 0.05;
  [low, high] = log ? [low / pad, high * pad] : [low - pad, high + pad];
  const [first, last] = [xs[0], xs.at(-1)];
  const scaled = log ? Math.log : (value) => value;
  const span = scaled(high) - scaled(low) || 1;
  const wholeTicks = () =>
    linearTicks(first, last, width < 500 ? 5 : 10).filter((v) => Number.isInteger(v) && v > first);
  return {
    xs,
    x: (value) => left + ((value - first) / (last - first || 1)) * (width - left - right),
    y: (value) => top + ((scaled(high) - scaled(value)) / span) * (height - top - bottom),
    xTicks: last <= 1 ? xs : [...new Set([first, ...wholeTicks()])],
    yTicks: log ? logTicks(low, high) : linearTicks(low, high, 5),
  };
}

/** The names with the values under the cursor, as markup. */
function key({ series, lineNames, notes = [] }) {
  const heads =
    lineNames.length > 1
      ? lineNames.map((name) => html`<span class="k">${name}</span>`)
      : html`<span></span><span class="k"></span>`;
  const value = (i, j, isMain) => html`<span class="v ${isMain ? "main" : ""}" data-v="${i}-${j}"></span>`;
  const row = ({ name, style, lines }, i) =>
    html`${lineSample(style)}<span class="n" title="${name}">${name}</span
      >${lines.length < 2 ? html`<span></span>` : ""} ${lines.map((_, j) => value(i, j, j === lines.length - 1))}`;
  return html`<div class="key">
    <span></span><span></span>${heads} ${series.map(row)}
    ${notes.map(([name, reason]) => html`<span></span><span class="apart">${name}: ${reason}</span>`)}
  </div>`;
}

/** The grid, the lines and the parts of the cursor, as markup. */
function drawing({ series, log = false }, { x, y, xTicks, yTicks }, width, height) {
  const { left, right, top, bottom } = MARGIN;
  const path = (points) =>
    points
      .filter((point) => !log || point[1] > 0)
      .map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`)
      .join("");
  const grid = yTicks.map(
    (v) =>
      html`<path class="grid" d="M${left} ${Math.round(y(v)) + 0.5}H${width - right}" />
        <text x="${width - right + 8}" y="${y(v) + 4}">${label(v)}</text>`,
  );
  const axis = xTicks.map((v) => html`<text x="${x(v)}" y="${height - 6}" text-anchor="middle">${label(v)}</text>`);
  const curve = ({ colour, dash }, { points, weak }) =>
    html`<path
      class="series"
      d="${path(points)}"
      stroke="${colour}"
      stroke-dasharray="${dash}"
      stroke-width="${weak ? 1 : 2}"
      opacity="${weak ? 0.65 : 1}"
    />`;
  return html`${grid} ${axis} ${series.map(({ style, lines }) => lines.map((line) => curve(style, line)))}
    <path class="cursor" d="M0 ${top}V${height - bottom}" />
    <g class="dots"></g>
    <rect class="badge" y="0" width="40" height="18" rx="3" />
    <text class="where" y="13" text-anchor="middle"></text>`;
}

/**
 * Draw a chart; pointing at it, or the arrow keys, show the values at other places.
 * @param {HTMLElement} parent
 * @param {Chart} chart
 */
export function drawLineChart(parent, chart) {
  const { series, log = false, title, digits } = chart;
  const write = (value) => (value == null ? "" : minus(value.toFixed(value >= 10 ? 1 : digits)));
  setHtml(parent, html`${key(chart)}<svg class="chart" role="img" tabindex="0"></svg>`);
  /** @type {SVGSVGElement} */
  const svg = parent.querySelector("svg.chart");
  const lines = series.flatMap((s) => s.lines);
  if (!lines.some((line) => line.points.length)) {
    svg.remove();
    return;
  }
  const width = Math.max(MIN_WIDTH, svg.clientWidth);
  const height = svg.clientHeight || 300;
  const scales = scalesOf(lines, log, width, height);
  const { xs, x, y } = scales;
  const ends = series
    .map(({ name, lines }) => t("models.lineChart.endsAt", name, write(lines.at(-1).points.at(-1)[1])))
    .join(", ");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", `${title}: ${ends}. ${t("models.lineChart.keys")}`);
  setHtml(svg, drawing(chart, scales, width, height));

  const [cursor, dots, badge, where] = ["cursor", "dots", "badge", "where"].map(
    (name) => /** @type {SVGElement} */ (svg.querySelector(`.${name}`)),
  );
  const end = xs.length - 1;
  let position = end;
  function read(index, visible) {
    position = clamp(index, 0, end);
    const at = xs[position];
    for (const part of [cursor, dots, badge, where]) part.style.display = visible ? "" : "none";
    cursor.setAttribute("transform", `translate(${Math.round(x(at)) + 0.5} 0)`);
    badge.setAttribute("x", String(x(at) - 20));
    where.setAttribute("x", String(x(at)));
    where.textContent = label(at);
    dots.replaceChildren();
    series.forEach(({ style, lines }, i) =>
      lines.forEach(({ points, weak }, j) => {
        /* a line that ended earlier keeps its last value, except under the cursor */
        const point = points.find((p) => p[0] === at) ?? (visible ? null : points.at(-1));
        parent.querySelector(`[data-v="${i}-${j}"]`).textContent = write(point?.[1]);
        if (!point || weak || (log && point[1] <= 0)) return;
        appendHtml(dots, html`<circle class="dot" cx="${x(at)}" cy="${y(point[1])}" r="4" fill="${style.colour}" />`);
      }),
    );
  }
  svg.onpointermove = svg.onpointerdown = (event) => {
    const box = svg.getBoundingClientRect();
    const target = ((event.clientX - box.left) / box.width) * width;
    const distance = (i) => Math.abs(x(xs[i]) - target);
    read(
      xs.reduce((near, _, i) => (distance(i) < distance(near) ? i : near), 0),
      true,
    );
  };
  svg.onpointerleave = svg.onblur = () => read(end, false);
  svg.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    read(position + by, true);
  };
  read(end, false);
}
