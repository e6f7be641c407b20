import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const { frontier, labelPlaces, plotlyDash, plotlyLayout, plotlyText, plotlyTraces, stopsOf, zoomRange } =
  await import("../../denoiser/web/models/charts/traces.js");
const { costChart } = await import("../../denoiser/web/models/charts/cost.js");
const { learningChart } = await import("../../denoiser/web/models/charts/learning.js");
const { qualityChart } = await import("../../denoiser/web/models/charts/quality.js");

const COLOURS = { bg: "bg", surface: "surface", ink: "ink", ink2: "", ink3: "", line: "line", edge: "", font: "serif" };
const colours = { ...COLOURS, of: (/** @type {string} */ css) => `resolved ${css}` };
const style = { colour: "var(--conv)", dash: "7 3" };

const RESULTS = {
  figures: { psnr: { label: "PSNR", unit: "dB", decimals: 2 }, accuracy: { label: "read", unit: "%", decimals: 1 } },
  quality: {
    gaussian: {
      psnr: {
        noisy: [
          [0.5, 9],
          [1, 5],
        ],
        small: [
          [0.5, 15],
          [1, 12],
        ],
        large: [
          [0.5, 20],
          [1, 15],
        ],
        filter: [[0.5, 16]],
      },
      accuracy: { small: [[0.5, 83]] },
    },
  },
  milliseconds: { small: 0.02, large: 4.1, filter: 0.6 },
  families: { conv: "Conv" },
};
const entry = (name, family, bytes, more = {}) => ({ name, family, bytes, parameters: bytes / 4, style, ...more });
const small = entry("small", "conv", 4000);
const large = entry("large", "conv", 400_000);
const filter = entry("filter", "filter", 0);

test("a dash pattern of SVG is one of Plotly", () => {
  assert.equal(plotlyDash(""), "solid");
  assert.equal(plotlyDash("9 3 2 3"), "9px,3px,2px,3px");
});

test("a name is text, whatever it holds", () => {
  assert.equal(plotlyText("<b>a&b"), "&lt;b>a&amp;b");
});

test("quality is a line for each model measured, with the noisy picture first", () => {
  const chart = qualityChart(RESULTS, small, [small, large, entry("new", "conv", 1)], "gaussian", "psnr");
  assert.deepEqual(
    chart.series.map(({ name, strong }) => [name, strong]),
    [
      ["noisy, not cleaned", false],
      ["small", true],
      ["large", false],
    ],
  );
  assert.deepEqual(chart.series[1].traces[0].points[1].hover, ["small", "Gaussian noise, factor 1", "PSNR: 12.00 dB"]);
  assert.deepEqual(chart.table().rows[2], ["large", "20.00", "15.00"]);
  assert.match(chart.summary, /small ends at 12\.00, large ends at 15\.00\./);
});

test("there is no chart of a model that was not measured", () => {
  assert.equal(qualityChart(RESULTS, entry("new", "conv", 1), [small], "gaussian", "psnr"), null);
  assert.equal(qualityChart(RESULTS, small, [small], "gaussian", "nothing"), null);
  const choice = { kind: "", factor: 0.5, key: undefined, axis: /** @type {const} */ ("size") };
  assert.equal(costChart({ ...RESULTS, quality: {} }, [small], "small", choice), null);
});

test("every model is a point, in the colour of its family; a filter has no size", () => {
  const choice = { kind: "gaussian", factor: 0.5, key: "psnr", axis: /** @type {const} */ ("size") };
  const bySize = costChart(RESULTS, [small, large, filter], "small", choice);
  assert.deepEqual(
    bySize.series.map(({ name }) => name),
    ["best for its size", "Conv"],
  );
  assert.deepEqual(
    bySize.series[1].traces[0].points.map(({ x, y, label, strong }) => [x, y, label, strong]),
    [
      [4, 15, "small", true],
      [400, 20, "large", false],
    ],
  );
  assert.deepEqual(bySize.series[1].traces[0].points[1].hover, [
    "large",
    "PSNR: 20.00 dB",
    "100,000 parameters",
    "400 kB",
    "4.1 ms",
  ]);
  assert.equal(bySize.notes.length, 1);
  assert.deepEqual(
    bySize.table().rows.map(([name]) => name),
    ["large", "filter", "small"],
  );
  const byTime = costChart(RESULTS, [small, large, filter], "small", { ...choice, axis: "time" });
  assert.deepEqual(
    byTime.series.at(-1).traces[0].points.map(({ x }) => x),
    [0.6],
  );
  assert.deepEqual(byTime.notes, []);
});

test("learning curves compare the models of one loss, and say why the others are not there", () => {
  const curves = { loss: "bce", epochs: 2, train: [0.3, 0.2], validation: [0.4, 0.1] };
  const a = { ...small, ...curves };
  const b = { ...large, ...curves, loss: "mse" };
  const chart = learningChart(a, [a, b, { ...filter, loss: null }], false);
  assert.deepEqual(
    chart.series.map(({ name }) => name),
    ["small"],
  );
  assert.equal(chart.notes.length, 2);
  assert.deepEqual(chart.series[0].traces[1].points[1].hover, [
    "small, epoch 2",
    "train: 0.2000",
    "validation: 0.1000",
  ]);
  assert.deepEqual(chart.table().rows, [
    ["1", "0.3000", "0.4000"],
    ["2", "0.2000", "0.1000"],
  ]);
  const log = learningChart({ ...a, train: [0.3, -1] }, [{ ...a, train: [0.3, -1] }], true);
  assert.equal(log.series[0].traces[0].points.length, 1);
  assert.equal(learningChart({ ...filter, loss: null }, [], false), null);
});

test("Plotly gets the theme's colours, and hidden series as invisible ones", () => {
  const chart = qualityChart(RESULTS, small, [small, large], "gaussian", "psnr");
  const traces = plotlyTraces(chart, new Set(["large"]), colours, { width: 600, height: 400 });
  assert.deepEqual(
    traces.map(({ visible }) => visible),
    [true, true, false],
  );
  assert.equal(traces[1].line.color, "resolved var(--conv)");
  assert.deepEqual([traces[1].line.width, traces[2].line.width], [3, 2]);
  assert.equal(traces[1].hovertext[0], "<b>small</b><br>Gaussian noise, factor 0.5<br>PSNR: 15.00 dB");
});

test("a saved picture has a title and a legend, the chart in the page has neither", () => {
  const chart = qualityChart(RESULTS, small, [small], "gaussian", "psnr");
  const [page, picture] = [false, true].map((is) => plotlyLayout(chart, colours, { width: 300, height: 200 }, is));
  assert.deepEqual([page.showlegend, page.title], [false, undefined]);
  assert.deepEqual([picture.showlegend, picture.title.text], [true, chart.title]);
});

test("arrow keys stop at every x once, or at every point", () => {
  const lines = qualityChart(RESULTS, small, [small, large], "gaussian", "psnr");
  assert.deepEqual(
    stopsOf(lines, new Set()).map(({ x, curve }) => [x, curve]),
    [
      [0.5, 0],
      [1, 0],
    ],
  );
  assert.deepEqual(
    stopsOf(lines, new Set(["noisy, not cleaned"])).map(({ curve }) => curve),
    [1, 1],
  );
  const choice = { kind: "gaussian", factor: 0.5, key: "psnr", axis: /** @type {const} */ ("time") };
  const points = costChart(RESULTS, [large, filter, small], "small", choice);
  assert.deepEqual(
    stopsOf(points, new Set()).map(({ x }) => x),
    [0.02, 0.6, 4.1],
  );
});

test("the best for their size are those that nothing as small beats", () => {
  const at = (/** @type {number} */ x, /** @type {number} */ y) => ({ x, y });
  assert.deepEqual(frontier([at(3, 5), at(1, 2), at(2, 1), at(3, 4), at(4, 5)]), [at(1, 2), at(3, 5)]);
});

test("labels cover neither one another nor a point, and the one of the lowest rank comes first", () => {
  const size = { width: 200, height: 100 };
  const at = (x, y, label = "", rank = 0) => ({ x, y, hover: [], label, rank });
  assert.deepEqual(labelPlaces([at(1, 0), at(10, 5, "name"), at(100, 10)], size), ["", "top left", ""]);
  const crowded = [at(1, 0), at(10, 5, "second", 2), at(10, 5.5, "first", 1), at(10, 5.2, "third", 3), at(100, 10)];
  const places = labelPlaces(crowded, size);
  assert.equal(places[2], "top left");
  assert.equal(new Set(places.filter(Boolean)).size, places.filter(Boolean).length);
  assert.deepEqual(labelPlaces([at(1, 0), at(100, 10, "at the right edge")], size), ["", "top left"]);
  const alone = Array.from({ length: 9 }, (_, i) => at(1, i, i === 4 ? "no room" : ""));
  assert.deepEqual(labelPlaces(alone, { width: 10, height: 40 })[4], "");
});

test("what is between two fingers stays between them, and a chart is never smaller than whole", () => {
  assert.deepEqual(zoomRange([0, 10], [0, 10], 0.5, 0.5, 2), [2.5, 7.5]);
  assert.deepEqual(zoomRange([0, 10], [0, 10], 0.5, 0, 2), [5, 10]);
  assert.deepEqual(zoomRange([4, 6], [0, 10], 0.5, 1, 1), [3, 5]);
  assert.deepEqual(zoomRange([4, 6], [0, 10], 0.5, 0.5, 0.01), [0, 10]);
  assert.deepEqual(zoomRange([0, 2], [0, 10], 0, 1, 1), [0, 2]);
});
