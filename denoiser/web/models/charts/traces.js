/* A chart to study, and how it is put to Plotly. Nothing here needs a browser. */
import { clamp } from "../../shell/numbers.js";

/**
 * @typedef {import("../../shell/constants.js").LineStyle} LineStyle
 *
 * @typedef {object} Point
 * @property {number} x
 * @property {number} y
 * @property {string[]} hover  what is said of it, line by line; the first is its name
 * @property {string} [label]  stands beside it, where there is room
 * @property {number} [rank]  of the label: the lowest comes first
 * @property {boolean} [strong]
 *
 * @typedef {object} Trace
 * @property {string} name  in the legend of a saved picture
 * @property {"lines" | "lines+markers" | "markers"} mode
 * @property {Point[]} points
 * @property {boolean} [weak]  thin, and not read: it belongs to the trace after it
 *
 * @typedef {object} Series  what one name of the legend hides or shows
 * @property {string} name
 * @property {LineStyle} style
 * @property {string} [symbol]  of markers, as Plotly calls it
 * @property {boolean} [strong]
 * @property {Trace[]} traces
 *
 * @typedef {object} Axis
 * @property {string} title
 * @property {boolean} [log]
 *
 * @typedef {object} Chart
 * @property {string} title
 * @property {string} file  the name of a saved picture, without its ending
 * @property {string} view  the visitor's zoom is kept as long as this is the same
 * @property {Axis} x
 * @property {Axis} y
 * @property {Series[]} series
 * @property {string[]} columns  what the legend gives of each trace; empty for no values
 * @property {(value: number) => string} write  a value in the legend
 * @property {string[]} notes  what is not in the chart, and why
 * @property {string} summary  the chart in words
 * @property {() => {heads: string[], rows: string[][]}} table  its figures
 *
 * @typedef {object} Colours  of the theme, as Plotly takes them
 * @property {string} bg
 * @property {string} surface
 * @property {string} ink
 * @property {string} ink2
 * @property {string} ink3
 * @property {string} line
 * @property {string} edge
 * @property {string} font
 * @property {(css: string) => string} of  any CSS colour
 */

const PLACES = ["top left", "bottom right", "top right", "bottom left"]; // the first two are clear of a rising line
const MARK = 6; // half the size of a point, in pixels
const LETTER = 7; // the width of a label's letter
const LINE = 16; // the height of a label
const MARGIN = 16; // a label may reach so far beyond the first and the last point
const INNER = 0.88; // of an axis: so much lies between the first and the last point
const EDGES = { l: 52, r: 12, t: 28, b: 44 };
const LOG_TICKS = 5; // of a logarithmic axis, roughly: Plotly writes 1, 2 and 5 of each power of ten then
const FEW_TICKS = 3; // of a short one: then it writes powers of ten only
const SHORT = 400; // pixels

/** A text as Plotly takes it, which reads some markup. */
export const plotlyText = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** An SVG stroke-dasharray as Plotly takes it. */
export const plotlyDash = (dash) => (dash ? dash.replace(/\d+/g, "$&px").replaceAll(" ", ",") : "solid");

/**
 * The traces of a series, as Plotly takes them.
 * @param {Series} series
 * @param {boolean} isHidden
 * @param {Colours} colours
 * @param {(point: Point) => string} placeOf  where a point's label stands; empty for nowhere
 */
function tracesOf({ name, style, symbol = "circle", strong, traces }, isHidden, colours, placeOf) {
  const color = colours.of(style.colour);
  return traces.map(({ name: title, mode, points, weak }) => ({
    type: "scatter",
    name: plotlyText(title || name),
    mode: points.some((point) => point.label) ? `${mode}+text` : mode,
    visible: !isHidden,
    showlegend: !weak,
    x: points.map((point) => point.x),
    y: points.map((point) => point.y),
    text: points.map((point) => (placeOf(point) ? plotlyText(point.label) : "")),
    textposition: points.map((point) => placeOf(point) || "top left"),
    textfont: { color: colours.ink2, size: 13 },
    hovertext: points.map(({ hover: [first, ...others] }) =>
      [`<b>${plotlyText(first)}</b>`, ...others.map(plotlyText)].join("<br>"),
    ),
    hovertemplate: "%{hovertext}<extra></extra>",
    opacity: weak ? 0.65 : 1,
    line: { color, dash: plotlyDash(style.dash), width: weak ? 1 : strong ? 3 : 2 },
    marker: {
      color,
      symbol,
      opacity: 1,
      size: points.map((point) => (mode === "markers" ? (point.strong ? 15 : 10) : strong ? 8 : 6)),
      line: {
        color: points.map((point) => (point.strong ? colours.ink : colours.bg)),
        width: points.map((point) => (point.strong ? 2 : mode === "markers" ? 1 : 0)),
      },
    },
    cliponaxis: false,
  }));
}

/**
 * The traces of a chart, as Plotly takes them; hidden series are left out of sight and out of the axes' range.
 * @param {Chart} chart
 * @param {Set<string>} hidden
 * @param {Colours} colours
 * @param {{width: number, height: number}} size  of the chart, in pixels
 */
export function plotlyTraces({ series }, hidden, colours, { width, height }) {
  const points = series.flatMap(({ name, symbol, traces }) =>
    hidden.has(name) || !symbol ? [] : traces.flatMap((trace) => trace.points),
  );
  const area = { width: (width - EDGES.l - EDGES.r) * INNER, height: (height - EDGES.t - EDGES.b) * INNER };
  const places = new Map(labelPlaces(points, area).map((place, i) => [points[i], place]));
  return series.flatMap((one) => tracesOf(one, hidden.has(one.name), colours, (point) => places.get(point) ?? ""));
}

/**
 * The layout of a chart, as Plotly takes it.
 * @param {Chart} chart
 * @param {Colours} colours
 * @param {{width: number, height: number}} size
 * @param {boolean} [isPicture]  for a file, which has a title and a legend
 */
export function plotlyLayout({ title, view, x, y }, colours, { width, height }, isPicture = false) {
  const axis = (/** @type {Axis} */ { log }, /** @type {number} */ ticks) => ({
    type: log ? "log" : "linear",
    gridcolor: colours.line,
    linecolor: colours.edge,
    zeroline: false,
    ...(log ? { tickformat: "~g", nticks: ticks } : {}),
    tickfont: { color: colours.ink3, size: 12 },
  });
  const cursor = {
    showspikes: true,
    spikemode: "across",
    spikethickness: 1,
    spikedash: "solid",
    spikecolor: colours.edge,
  };
  return {
    width,
    height,
    autosize: false,
    uirevision: view,
    paper_bgcolor: colours.bg,
    plot_bgcolor: colours.bg,
    font: { family: colours.font, color: colours.ink2, size: 13 },
    margin: isPicture ? { ...EDGES, t: 80 } : EDGES,
    title: isPicture
      ? { text: plotlyText(title), x: 0, xref: "paper", xanchor: "left", font: { color: colours.ink, size: 18 } }
      : undefined,
    showlegend: isPicture,
    hovermode: "closest",
    hoverdistance: 40,
    hoverlabel: {
      align: "left",
      bgcolor: colours.surface,
      bordercolor: colours.edge,
      font: { family: colours.font, color: colours.ink, size: 13 },
    },
    dragmode: "zoom",
    xaxis: {
      ...axis(x, width < SHORT ? FEW_TICKS : LOG_TICKS),
      ...cursor,
      title: { text: plotlyText(x.title), standoff: 8, font: { color: colours.ink3, size: 13 } },
    },
    yaxis: { ...axis(y, LOG_TICKS), linewidth: 0 },
    annotations: [
      {
        text: plotlyText(y.title), // above its axis: beside it, it would stand on its side
        showarrow: false,
        xref: "paper",
        yref: "paper",
        x: 0,
        y: 1,
        xanchor: "left",
        yanchor: "bottom",
        xshift: -52,
        yshift: 6,
        font: { color: colours.ink3, size: 13 },
      },
    ],
  };
}

/**
 * Where the arrow keys stop, from left to right: on every x once, or, in a chart without values in its legend, on every
 * point; each with the number of the trace and of its point, as Plotly counts, and what is said of it.
 * @param {Chart} chart
 * @param {Set<string>} hidden
 */
export function stopsOf({ series, columns }, hidden) {
  const stops = [];
  let curve = 0;
  for (const { name, traces } of series)
    for (const { points, weak, mode } of traces) {
      if (!hidden.has(name) && !weak && (columns.length || mode === "markers"))
        points.forEach(({ x, hover }, point) => stops.push({ x, hover, curve, point }));
      curve++;
    }
  const found = columns.length ? stops.filter((stop) => stops.find(({ x }) => x === stop.x) === stop) : stops;
  return found.sort((a, b) => a.x - b.x);
}

/**
 * The points that nothing beats which is as small or smaller, from left to right.
 * @template {{x: number, y: number}} T
 * @param {T[]} points
 */
export function frontier(points) {
  let best = -Infinity;
  return [...points]
    .sort((a, b) => a.x - b.x || b.y - a.y)
    .filter(({ y }) => {
      const isBest = y > best;
      best = Math.max(best, y);
      return isBest;
    });
}

/**
 * Where the labels of points stand so that they cover neither one another nor a point: one of PLACES for each point, in
 * order; empty where it has no label or there is no room for it. Labels of lower rank come first.
 * @param {Point[]} points
 * @param {{width: number, height: number}} size  in pixels; x is logarithmic
 */
export function labelPlaces(points, { width, height }) {
  const scale = (values, length) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value) => ((value - low) / (high - low || 1)) * length;
  };
  const xs = scale(
    points.map(({ x }) => Math.log(x)),
    width,
  );
  const ys = scale(
    points.map(({ y }) => y),
    height,
  );
  const at = points.map(({ x, y }) => [xs(Math.log(x)), height - ys(y)]);
  const boxOf = (/** @type {number[]} */ [x, y], label, place) => {
    const left = place.endsWith("right") ? x + MARK : x - MARK - label.length * LETTER;
    const top = place.startsWith("top") ? y - MARK - LINE : y + MARK;
    return { left, top, right: left + label.length * LETTER, bottom: top + LINE };
  };
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const taken = at.map(([x, y]) => ({ left: x - MARK, top: y - MARK, right: x + MARK, bottom: y + MARK }));
  const places = points.map(() => "");
  const ranked = points.flatMap(({ label }, i) => (label ? [i] : [])).sort((i, j) => points[i].rank - points[j].rank);
  for (const i of ranked) {
    const boxes = PLACES.map((place) => ({ place, box: boxOf(at[i], points[i].label, place) }));
    const free = boxes.find(
      ({ box }) => box.left > -MARGIN && box.right < width + MARGIN && !taken.some((other) => overlap(box, other)),
    );
    if (!free) continue;
    places[i] = free.place;
    taken.push(free.box);
  }
  return places;
}

/**
 * The range of an axis that is enlarged `by`, within its full range: what is `from` of the way along it comes to stand
 * `to` of the way.
 * @param {number[]} range
 * @param {number[]} full
 */
export function zoomRange([low, high], [first, last], from, to, by) {
  const width = Math.min((high - low) / by, last - first);
  const start = clamp(low + from * (high - low) - to * width, first, last - width);
  return [start, start + width];
}
