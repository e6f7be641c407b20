/* Below the noise slider: what each model shown was trained on, as far as it says something of the present noise. */
import { html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { on } from "../../shell/store.js";

const TRACK = 588; // pixels of the slider's track
const FRAME = 28;

/** Where a noise factor lies on the track, in pixels. */
export const markX = (factor) => FRAME / 2 + (TRACK - FRAME) * factor;

/** What a model was trained on, in words. */
function rangeOf({ trained: [low, high], noise }, kind) {
  if (high === 0) return t("visit.trained.clean");
  if (!noise.includes(kind)) return t("visit.trained.never");
  if (low === 0 && high === 1) return t("visit.trained.all");
  return low === high ? t("visit.trained.one", low.toFixed(2)) : t("visit.trained.range", low, high);
}

/** Trained models by what they were trained on: [words, models]. */
function ranges(models, kind) {
  /** @type {Map<string, import("../../shell/store.js").Model[]>} */
  const groups = new Map();
  for (const model of models) {
    if (!model.trained) continue;
    const words = rangeOf(model, kind);
    groups.set(words, [...(groups.get(words) ?? []), model]);
  }
  return [...groups];
}

/** @param {HTMLElement} element  where they are shown */
export function mountTrainingRanges(element) {
  on("shownModels kind", ({ shownModels, kind }) => {
    const groups = ranges(shownModels, kind);
    const text = (models, words) => `${models.map((model) => model.label).join(t("common.comma"))} ${words}`;
    element.setAttribute(
      "aria-label",
      groups.map(([words, models]) => text(models, words)).join(t("common.semicolon")),
    );
    setHtml(element, [
      groups.length ? html`<span>${t("visit.trained.on")}</span>` : html``,
      ...groups.map(
        ([words, models]) =>
          html`<span
            >${models.map(({ style }) => html`<i class="swatch" style="--c:${style.colour}"></i>`)}
            ${text(models, words)}</span
          >`,
      ),
    ]);
  });
}
