/* How good each map is: its figures, the best of each among the maps shown, and what is wrong with a map. */
import { html, setHtml } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";

const nats = (value) => html`${value.toFixed(1)} <small>nats</small>`;
const percent = (value) => `${(value * 100).toFixed(1)} %`;
const FIGURES = [
  {
    key: "negative_elbo",
    label: t("latent.mapFigures.negativeElbo"),
    meaning: t("latent.mapFigures.elboMeaning"),
    write: nats,
    best: Math.min,
  },
  {
    key: "nll",
    label: t("latent.mapFigures.exactNll"),
    meaning: t("latent.mapFigures.nllMeaning"),
    write: nats,
    best: Math.min,
  },
  {
    key: "neighbour_accuracy",
    label: t("latent.mapFigures.accuracy"),
    meaning: t("latent.mapFigures.accuracyMeaning"),
    write: percent,
    best: Math.max,
  },
  {
    key: "coverage",
    label: t("common.readSurely"),
    meaning: t("latent.mapFigures.coverageMeaning"),
    write: percent,
    best: Math.max,
  },
];

/**
 * @param {Map<string, any>} panels  of the maps shown, by name
 * @param {Map<string, any>} maps  all that are loaded, by name
 */
export function showFigures(panels, maps) {
  const shown = [...panels.keys()].map((name) => maps.get(name)).filter(Boolean);
  const bests = FIGURES.map(({ key, best }) => best(...shown.map((map) => map.figures[key] ?? best())));
  for (const [name, { figures, note }] of panels) {
    const map = maps.get(name);
    if (!map) continue;
    note.textContent = map.problem ? t("latent.mapFigures.problem", localize(map.problem)) : "";
    setHtml(
      figures,
      FIGURES.map(({ key, label, meaning, write }, i) => {
        const value = map.figures[key];
        return html`<div title="${meaning}">
          <dt>${label}</dt>
          <dd class="${value === bests[i] ? "best" : ""}">${value === undefined ? "–" : write(value)}</dd>
        </div>`;
      }),
    );
  }
}
