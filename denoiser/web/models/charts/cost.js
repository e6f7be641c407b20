/* How well models denoise the test digits, against their size or their time: every model is a point. */
import { finder } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { colour, count } from "../format.js";
import { mountChart } from "./chart.js";
import { checkedValue, figureOf, fillSelect, kindName, mountChoices } from "./results.js";
import { frontier } from "./traces.js";

const HALF = 0.5; // the noise factor at first
/** Of each family's points. */
const SYMBOLS = {
  dense: "square",
  conv: "circle",
  vae: "diamond",
  unet: "star",
  recurrent: "pentagon",
  filter: "x",
};
const COSTS = {
  size: {
    title: t("models.charts.size"),
    unit: "kB",
    best: t("models.charts.bestForSize"),
    of: (entry) => entry.bytes / 1000,
    write: (value) => count(Math.round(value)),
  },
  time: {
    title: t("models.charts.time"),
    unit: "ms",
    best: t("models.charts.bestForTime"),
    of: ({ name }, { milliseconds }) => milliseconds[name],
    write: (value) => value.toPrecision(2),
  },
};

/** A cost of a model as it is written, without its unit; empty where it has none. */
const written = ({ of, write }, entry, results) => (of(entry, results) > 0 ? write(of(entry, results)) : "");

/** What is said of a model at its point. */
const hoverOf = (entry, value, results) => [
  entry.name,
  value,
  ...(entry.parameters ? [t("models.charts.parameters", count(entry.parameters))] : []),
  ...Object.values(COSTS)
    .filter((cost) => cost.of(entry, results) > 0)
    .map((cost) => `${written(cost, entry, results)} ${cost.unit}`),
];

/** The points by family, and the line through the best. */
function seriesOf(points, best, { title, point }, families) {
  const nameOf = (family) => (family in families ? localize(families[family]) : t("models.charts.filters"));
  const through = best.map((one) => ({ ...point(one), label: "", strong: false }));
  const line = {
    name: title,
    style: { colour: "var(--ink-3)", dash: "1 3" },
    traces: [{ name: title, mode: /** @type {const} */ ("lines"), points: through }],
  };
  const found = [...new Set(points.map(({ entry }) => entry.family))].map((family) => ({
    name: nameOf(family),
    style: { colour: colour(family), dash: "" },
    symbol: SYMBOLS[family],
    traces: [
      {
        name: nameOf(family),
        mode: /** @type {const} */ ("markers"),
        points: points.filter(({ entry }) => entry.family === family).map(point),
      },
    ],
  }));
  return [line, ...found];
}

/**
 * A figure against size or time, every model a point; null where nothing was measured.
 * @param {import("./results.js").Results} results
 * @param {any[]} entries  of all models
 * @param {string} shown  the name of the model shown
 * @param {{kind: string, factor: number, key: string, axis: "size" | "time"}} choice
 * @returns {import("./traces.js").Chart | null}
 */
export function costChart(results, entries, shown, { kind, factor, key, axis }) {
  const measured = results.quality[kind]?.[key] ?? {};
  const cost = COSTS[axis];
  const known = entries
    .map((entry) => ({
      entry,
      x: cost.of(entry, results),
      y: measured[entry.name]?.find(([x]) => x === factor)?.[1],
    }))
    .filter(({ y }) => y !== undefined);
  const points = known.filter(({ x }) => x > 0);
  if (!points.length) return null;
  const figure = figureOf(results, key);
  const best = frontier(points);
  const rankOf = (one) => [one.entry.name === shown, best.includes(one), one.entry.featured].indexOf(true);
  const point = (one) => ({
    x: one.x,
    y: one.y,
    hover: hoverOf(one.entry, figure.inWords(one.y), results),
    label: rankOf(one) < 0 ? "" : one.entry.name,
    rank: rankOf(one),
    strong: one.entry.name === shown,
  });
  return {
    title: t("models.charts.againstCost", figure.name, cost.title, kindName(kind), factor),
    file: `quality-by-${axis}`,
    view: `${kind}/${factor}/${key}/${axis}`,
    x: { title: t("models.charts.withUnit", cost.title, cost.unit), log: true },
    y: { title: figure.axis },
    series: seriesOf(points, best, { title: cost.best, point }, results.families),
    columns: [],
    write: figure.write,
    notes: known.length > points.length ? [t("models.charts.noSize")] : [],
    summary: `${cost.best}: ${best.map(({ entry, y }) => `${entry.name}, ${figure.inWords(y)}`).join("; ")}.`,
    table: () => ({
      heads: [
        t("models.page.model"),
        figure.axis,
        t("models.modelList.parameters"),
        ...Object.values(COSTS).map(({ unit }) => unit),
      ],
      rows: [...known]
        .sort((a, b) => b.y - a.y)
        .map(({ entry, y }) => [
          entry.name,
          figure.write(y),
          entry.parameters ? count(entry.parameters) : "",
          ...Object.values(COSTS).map((each) => written(each, entry, results)),
        ]),
    }),
  };
}

/**
 * @param {HTMLElement} element  of the page
 * @param {import("../selection.js").Selection} selection
 * @param {import("./results.js").Results} results
 * @param {string | null} plotly  its address
 * @returns {() => void} to be called when another model is shown
 */
export function mountCost(element, selection, results, plotly) {
  const section = finder(element)(".cost");
  const find = finder(section);
  const axis = find(".axis");
  const factors = find(".factor", HTMLSelectElement);
  const [measured = {}] = Object.values(results.quality).flatMap((figures) => Object.values(figures));
  const found = [...new Set(Object.values(measured).flatMap((points) => points.map(([x]) => x)))].sort((a, b) => a - b);
  fillSelect(factors, found, (factor) => t("models.charts.atFactor", factor), HALF);
  const chosen = mountChoices(section, results, () => update());
  const update = mountChart(section, plotly, () => {
    const cost = /** @type {"size" | "time"} */ (checkedValue(axis));
    const options = { ...chosen(), factor: +factors.value, axis: cost };
    return costChart(results, selection.entries, selection.name, options);
  });
  factors.onchange = axis.onchange = update;
  return update;
}
