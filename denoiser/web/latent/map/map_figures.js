/* How good each map is: its figures, the best of each among the maps shown, and what is wrong with a map. */
import { html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";

const nats = (value) => html`${value.toFixed(1)} <small>nats</small>`;
const percent = (value) => `${(value * 100).toFixed(1)} %`;
const FIGURES = [
  {
    key: "negative_elbo",
    label: t`negative ELBO`,
    meaning: t`Nats per test digit, at most: what training made small`,
    write: nats,
    best: Math.min,
  },
  {
    key: "nll",
    label: t`exact NLL`,
    meaning: t`Nats per test digit: the integral over the plane`,
    write: nats,
    best: Math.min,
  },
  {
    key: "neighbour_accuracy",
    label: t`10-NN accuracy`,
    meaning: t`How often the ten nearest other test digits name the digit`,
    write: percent,
    best: Math.max,
  },
  {
    key: "coverage",
    label: t`read surely`,
    meaning: t`Of 20 × 20 tiles over the prior's quantiles, those read with more than 60 %`,
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
    note.textContent = map.problem ? t`${t(map.problem)} The map shows what the decoder makes, and no more.` : "";
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
