/* How well the models compared denoise the test digits, against the noise factor. */
import { NOISY_STYLE } from "../../shell/constants.js";
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { mountChart } from "./chart.js";
import { figureOf, kindName, mountChoices, NOISY } from "./results.js";

/**
 * A figure against the noise factor, of the models compared; null where none of them was measured.
 * @param {import("./results.js").Results} results
 * @param {any} model  the entry of the model shown
 * @param {any[]} models  the entries of all that are compared, itself among them
 * @param {string} kind  of noise
 * @param {string} key  of the figure
 * @returns {import("./traces.js").Chart | null}
 */
export function qualityChart(results, model, models, kind, key) {
  const measured = results.quality[kind]?.[key] ?? {};
  if (!measured[model.name]) return null;
  const figure = figureOf(results, key);
  const noise = kindName(kind);
  const shown = models.filter((m) => measured[m.name]).map(({ name, style }) => ({ name, style, id: name }));
  if (measured[NOISY]) shown.unshift({ name: t("models.learningCurves.doNothing"), style: NOISY_STYLE, id: NOISY });
  const factors = [...new Set(shown.flatMap(({ id }) => measured[id].map(([x]) => x)))].sort((a, b) => a - b);
  const ends = shown.map(({ name, id }) => t("models.charts.endsAt", name, figure.write(measured[id].at(-1)[1])));
  const at = (id, factor) => measured[id].find(([x]) => x === factor)?.[1];
  const hover = (name, x, y) => [name, t("models.charts.noiseOf", noise, x), figure.inWords(y)];
  return {
    title: t("models.charts.againstNoise", figure.name, noise),
    file: `quality-${kind}-${key}`,
    view: `${kind}/${key}`,
    x: { title: t("common.noiseFactor") },
    y: { title: figure.axis },
    series: shown.map(({ name, style, id }) => ({
      name,
      style,
      strong: id === model.name,
      traces: [
        {
          name,
          mode: /** @type {const} */ ("lines+markers"),
          points: measured[id].map(([x, y]) => ({ x, y, hover: hover(name, x, y) })),
        },
      ],
    })),
    columns: [figure.axis],
    write: figure.write,
    notes: [],
    summary: `${ends.join(", ")}.`,
    table: () => ({
      heads: [t("models.page.model"), ...factors.map(String)],
      rows: shown.map(({ name, id }) => [
        name,
        ...factors.map((factor) => (at(id, factor) === undefined ? "" : figure.write(at(id, factor)))),
      ]),
    }),
  };
}

/**
 * @param {HTMLElement} element  of the page
 * @param {import("../selection.js").Selection} selection
 * @param {import("./results.js").Results} results
 * @param {string | null} plotly  its address
 * @returns {() => void} to be called when the models compared have changed
 */
export function mountQuality(element, selection, results, plotly) {
  const section = finder(element)(".quality");
  const chosen = mountChoices(section, results, () => update());
  const update = mountChart(section, plotly, () => {
    const { kind, key } = chosen();
    return qualityChart(results, selection.model, selection.models, kind, key);
  });
  return update;
}
