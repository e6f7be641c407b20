/* Below the noise slider: what each model shown has practised on, as far as it says something of the present noise. */
import { html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { on } from "../../shell/store.js";

const TRACK = 588; // pixels of the slider's track
const FRAME = 28;

/** Where a noise factor lies on the track, in pixels. */
export const markX = (factor) => FRAME / 2 + (TRACK - FRAME) * factor;

/** What a model has practised on, in words. */
function practiceOf({ trained: [low, high], noise }, kind) {
  if (high === 0) return t("visit.practised.clean");
  if (!noise.includes(kind)) return t("visit.practised.never");
  if (low === 0 && high === 1) return t("visit.practised.all");
  return low === high ? t("visit.practised.one", low.toFixed(2)) : t("visit.practised.range", low, high);
}

/** Trained models by what they have practised on: [words, models]. */
function practices(models, kind) {
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  for (const model of models) {
    if (!model.trained) continue;
    const words = practiceOf(model, kind);
    groups.set(words, [...(groups.get(words) ?? []), model]);
  }
  return [...groups];
}

/** @param {any} element  where they are shown */
export function mountTrainingRanges(element) {
  on("shownModels kind", ({ shownModels, kind }) => {
    const groups = practices(shownModels, kind);
    const text = (models, words) => `${models.map((model) => model.label).join(t("common.comma"))} ${words}`;
    element.setAttribute(
      "aria-label",
      groups.map(([words, models]) => text(models, words)).join(t("common.semicolon")),
    );
    setHtml(element, [
      html`<span>${t("visit.practised.on")}</span>`,
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
