/* Below the noise slider: at which noise factors each model shown was trained. */
import { html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { on } from "../../shell/store.js";

const TRACK = 588; // pixels of the slider's track
const FRAME = 28;
const DOT = 10;

/** Where a noise factor lies on the track, in pixels. */
export const markX = (factor) => FRAME / 2 + (TRACK - FRAME) * factor;

/** Models by the noise factors they were trained at, lowest and highest. */
function rangesOf(models) {
  const ranges = new Map();
  for (const model of models) {
    if (!model.trained) continue;
    const [low, high] = model.trained;
    const key = `${low}-${high}`;
    if (!ranges.has(key)) ranges.set(key, { low, high, models: [] });
    ranges.get(key).models.push(model);
  }
  return [...ranges.values()];
}

/** A range with the names of its models, in words. */
function rangeText({ low, high }, labels) {
  const others = labels.length - 2;
  const names =
    labels.length > 3
      ? t("denoise.trainingRanges.namesAndMore", labels.slice(0, 2).join(t("common.comma")), others)
      : labels.join(t("common.comma"));
  if (high === 0) return t("denoise.trainingRanges.cleanDigits", names);
  return low === high ? `${names} ${low.toFixed(2)}` : `${names} ${low}–${high}`;
}

const familyText = (range) => rangeText(range, [...new Set(range.models.map((model) => model.familyLabel))]);

/** A range as a bar for each model; `row` is its position below the track. */
const barsMarkup = ({ low, high, models }, row) =>
  models.map(({ style: { colour } }) => {
    const css = `left:${markX(low)}px;width:${markX(high) - markX(low)}px;margin-top:${4 * row}px;background:${colour}`;
    return html`<i class="range" style="${css}"></i>`;
  });

/** A single noise factor as a dot for each model, with their names. */
function dotsMarkup(range) {
  const { low, models } = range;
  const firstOffset = low === 0 ? 0 : -(models.length - 1) / 2; // side by side, centred unless at the left end
  const dots = models.map(({ style: { colour } }, i) => {
    const left = markX(low) + 12 * (firstOffset + i) - DOT / 2;
    return html`<i style="left:${left}px;width:${DOT}px;background:${colour}"></i>`;
  });
  let css = `left:${markX(low)}px;transform:translateX(-50%)`;
  if (low < 0.2) css = `left:${markX(low) - DOT / 2}px`;
  else if (low > 0.8) css = "right:0";
  return html`${dots}<span style="${css}">${familyText(range)}</span>`;
}

/** @param {any} element  where they are shown */
export function mountTrainingRanges(element) {
  on("shownModels", ({ shownModels }) => {
    const all = rangesOf(shownModels);
    const ranges = all.filter(({ low, high }) => low !== high);
    const points = all.filter(({ low, high }) => low === high);
    const description = all
      .map((range) =>
        rangeText(
          range,
          range.models.map((model) => model.label),
        ),
      )
      .join(t("common.semicolon"));
    element.setAttribute("aria-label", t("denoise.trainingRanges.trainedOn", description));
    setHtml(element, [
      html`<small>${t("common.trainedOn")}</small><span class="ranges">${ranges.map(familyText).join(" · ")}</span>`,
      ...points.map(dotsMarkup),
      ...ranges.flatMap(barsMarkup),
    ]);
  });
}
