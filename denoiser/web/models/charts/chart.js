/* One chart to study: drawn by Plotly as soon as it is in view, beside a legend that hides and shows, and gives the
   values at the pointer; below it a way back from a zoom, a picture to save, and the figures as a table. */
import { closestTarget, finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { clamp } from "../../shell/numbers.js";
import { on } from "../../shell/store.js";
import { lazySection } from "../lazy_sections.js";
import { coloursOf } from "./colours.js";
import { onPinch } from "./gestures.js";
import { frame, legend, tableMarkup } from "./markup.js";
import { loadPlotly } from "./plotly.js";
import { plotlyLayout, plotlyTraces, stopsOf, zoomRange } from "./traces.js";

/** @typedef {import("./traces.js").Chart} Chart */

const CONFIG = { displayModeBar: false, responsive: false, showTips: false };
const PICTURE = { width: 1000, height: 600 };
const WHOLE = { "xaxis.autorange": true, "yaxis.autorange": true };

class StudyChart {
  /** @type {Chart | null} */
  chart = null;
  version = 0; // of what is to be drawn
  /** @type {Set<string>} */
  hidden = new Set();
  /** @type {any} */
  plotly = null; // once a chart is drawn
  /** @type {number[][] | null} */
  full = null; // the ranges of the whole chart
  stop = -1; // where the arrow keys are
  /** The point that a finger has just tapped. @type {{ x: number, curve: number, point: number } | null} */
  tapped = null;

  /**
   * @param {HTMLElement} section
   * @param {string | null} address  of Plotly
   */
  constructor(section, address) {
    this.section = section;
    this.address = address;
    const study = finder(section)(".study");
    setHtml(study, frame());
    this.find = finder(study);
    /**
     * Plotly adds its own to the element.
     * @type {HTMLElement & {on?: (event: string, callback: (data: any) => void) => void, layout?: any}}
     */
    this.node = this.find(".chart");
    this.draw = lazySection(
      section,
      () => (this.chart ? String(this.version) : null),
      (isCurrent) => this.load(isCurrent),
    );
    this.node.onkeydown = (event) => this.onKey(event);
    this.node.onblur = () => this.leave();
    onPinch(this.find(".area"), (from, to, by) => this.zoom(from, to, by));
    this.find(".whole").onclick = () => this.showWhole();
    this.find(".save").onclick = () => this.save();
    this.find(".key").onclick = (event) => this.toggle(closestTarget(event, "button"));
    this.find(".values").ontoggle = () => this.showTable();
  }

  /**
   * Show a chart; null for nothing, which hides the section.
   * @param {Chart | null} chart
   */
  show(chart) {
    this.chart = chart;
    this.section.hidden = !chart;
    if (!chart) return;
    this.find(".key").dataset.columns = String(chart.columns.length);
    setHtml(this.find(".key"), legend(chart, this.hidden));
    this.read(null);
    this.node.setAttribute("aria-label", `${chart.title}: ${chart.summary} ${t("models.charts.keys")}`);
    this.showTable();
    this.redraw();
  }

  redraw() {
    this.version++;
    this.draw();
  }

  // ---------- drawing ----------

  /** Draw what is to be drawn; false where that was not possible. */
  async load(isCurrent) {
    const { chart, node, hidden } = this;
    if (!this.plotly) this.say(t("models.charts.loading"));
    let plotly;
    try {
      plotly = await loadPlotly(this.address);
    } catch {
      this.say(t("models.charts.missing"), true);
      this.find(".values", HTMLDetailsElement).open = true;
      return false;
    }
    if (!isCurrent()) return true; // this is called again
    const size = { width: node.clientWidth, height: node.clientHeight };
    if (!size.width) return false;
    this.say("");
    const colours = coloursOf(node);
    await plotly.react(node, plotlyTraces(chart, hidden, colours, size), plotlyLayout(chart, colours, size), CONFIG);
    if (!this.plotly) this.listen();
    this.plotly = plotly;
    if (this.isWhole()) this.full = this.axes.map(({ range }) => [...range]);
    this.markZoom();
    this.find(".save", HTMLButtonElement).disabled = false;
    return true;
  }

  /** Say something instead of the chart; with a button to try again. */
  say(text, retry = false) {
    const message = this.find(".message");
    const button = html`<button class="btn" type="button">${t("models.charts.retry")}</button>`;
    message.hidden = !text;
    setHtml(
      message,
      html`<p>${text}</p>
        ${retry ? button : ""}`,
    );
    if (retry) message.querySelector("button").onclick = () => this.draw();
  }

  /** Download the chart as it is zoomed, with a title and a legend. */
  save() {
    const colours = coloursOf(this.node);
    const layout = plotlyLayout(this.chart, colours, PICTURE, true);
    this.axes.forEach(({ range, autorange }, i) => {
      if (autorange === false) Object.assign([layout.xaxis, layout.yaxis][i], { range: [...range], autorange });
    });
    const data = plotlyTraces(this.chart, this.hidden, colours, PICTURE);
    this.plotly.downloadImage({ data, layout }, { ...PICTURE, format: "png", scale: 2, filename: this.chart.file });
  }

  // ---------- reading ----------

  /** Once Plotly has drawn: it adds on() to the element. */
  listen() {
    let isTouch = false;
    document.addEventListener(
      "pointerdown",
      ({ pointerType }) => {
        isTouch = pointerType === "touch";
        this.tapped = null;
      },
      true,
    );
    this.node.on("plotly_hover", ({ points: [point] }) => this.read(point.x));
    this.node.on("plotly_click", ({ points: [{ x, curveNumber, pointNumber }] }) => {
      if (isTouch) this.tapped = { x, curve: curveNumber, point: pointNumber };
    });
    this.node.on("plotly_unhover", () => this.onUnhover());
    this.node.on("plotly_relayout", () => this.markZoom());
  }

  /** The pointer has left the chart; or Plotly says so after a tap, and what was tapped is shown on. */
  onUnhover() {
    const { tapped } = this;
    this.tapped = null;
    if (tapped) this.point(tapped);
    else this.read(null);
  }

  /** Show a point's label, and the values at its x in the legend. */
  point({ x, curve, point }) {
    this.plotly.Fx.hover(this.node, [{ curveNumber: curve, pointNumber: point }]);
    this.read(x);
  }

  /** Write the values at an x into the legend; null for the last of each. */
  read(at) {
    const { series, columns, write } = this.chart;
    series.forEach(({ traces }, i) =>
      columns.forEach((_, j) => {
        const { points } = traces[j];
        const point = at === null ? points.at(-1) : points.find(({ x }) => x === at);
        this.find(`[data-v="${i}-${j}"]`).textContent = point ? write(point.y) : "";
      }),
    );
  }

  /** Go on to the next point with an arrow key. */
  onKey(event) {
    if (event.key === "Escape") this.leave();
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !this.plotly) return;
    event.preventDefault();
    const stops = stopsOf(this.chart, this.hidden);
    if (!stops.length) return;
    const last = stops.length - 1;
    this.stop = this.stop < 0 ? (by > 0 ? 0 : last) : clamp(this.stop + by, 0, last);
    this.point(stops[this.stop]);
    this.find(".reading").textContent = stops[this.stop].hover.join(t("common.comma"));
  }

  leave() {
    this.stop = -1;
    this.plotly?.Fx.unhover(this.node);
    if (this.chart) this.read(null);
  }

  // ---------- zoom ----------

  /** Both axes, as Plotly has them now. */
  get axes() {
    return [this.node.layout.xaxis, this.node.layout.yaxis];
  }

  isWhole() {
    return this.axes.every(({ autorange }) => autorange !== false);
  }

  markZoom() {
    this.find(".whole").hidden = this.isWhole();
  }

  showWhole() {
    this.plotly.relayout(this.node, WHOLE);
    this.node.focus();
  }

  /** @type {import("./gestures.js").Zoom} */
  zoom(from, to, by) {
    if (!this.full) return;
    const box = this.node.querySelector(".nsewdrag").getBoundingClientRect();
    const share = (/** @type {number[]} */ [x, y]) => [(x - box.left) / box.width, (box.bottom - y) / box.height];
    const [start, end] = [from, to].map(share);
    const ranges = this.axes.map(({ range }, i) => zoomRange(range, this.full[i], start[i], end[i], by));
    const isFull = String(ranges) === String(this.full);
    this.plotly.relayout(this.node, isFull ? WHOLE : { "xaxis.range": ranges[0], "yaxis.range": ranges[1] });
  }

  // ---------- legend and table ----------

  /**
   * Hide or show the series of a button of the legend.
   * @param {HTMLElement | null} button
   */
  toggle(button) {
    if (!button) return;
    const { name } = button.dataset;
    if (!this.hidden.delete(name)) this.hidden.add(name);
    button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
    this.redraw();
  }

  showTable() {
    const values = this.find(".values", HTMLDetailsElement);
    if (values.open && this.chart) setHtml(values.querySelector("table"), tableMarkup(this.chart.table()));
  }
}

/**
 * Fill a section's .study with a chart.
 * @param {HTMLElement} section
 * @param {string | null} address  of Plotly
 * @param {() => Chart | null} chartOf  what the chart shows now; null for nothing, which hides the section
 * @returns {() => void} to be called whenever that may have changed
 */
export function mountChart(section, address, chartOf) {
  const chart = new StudyChart(section, address);
  on("theme", () => chart.redraw());
  return () => chart.show(chartOf());
}
