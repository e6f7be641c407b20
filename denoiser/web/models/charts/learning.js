/* The losses of the models compared, epoch by epoch. */
import { LOSS_TITLES } from "../../shell/constants.js";
import { finder } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { minus } from "../format.js";
import { mountChart } from "./chart.js";
import { checkedValue } from "./results.js";

/** A loss's name and unit. */
export const lossTitle = (loss) => LOSS_TITLES[loss]?.map(localize) ?? [t("models.page.loss"), ""];

const write = (loss) => minus(loss.toFixed(Math.abs(loss) >= 10 ? 1 : 4));
const PARTS = /** @type {const} */ (["train", "validation"]);

/**
 * The chart of a model and those beside it; null for a model without a loss.
 * @param {any} model  the entry of the model shown
 * @param {any[]} models  the entries of all that are compared, itself among them
 * @param {boolean} isLog
 * @returns {import("./traces.js").Chart | null}
 */
export function learningChart(model, models, isLog) {
  if (!model.loss) return null;
  const [name, unit] = lossTitle(model.loss);
  const titles = { train: t("common.trainLoss"), validation: t("common.validationLoss") };
  const alike = models.filter((m) => m.loss === model.loss);
  const hover = (m, epoch) => [
    `${m.name}, ${t("models.charts.epochNumber", epoch + 1)}`,
    ...PARTS.map((part) => t("models.charts.valueOf", titles[part], write(m[part][epoch]))),
  ];
  const trace = (m, part) => ({
    name: `${m.name}, ${titles[part]}`,
    mode: /** @type {const} */ ("lines"),
    weak: part === "train",
    points: m[part].map((y, epoch) => ({ x: epoch + 1, y, hover: hover(m, epoch) })).filter(({ y }) => !isLog || y > 0),
  });
  const epochs = Math.max(...alike.map((m) => m.epochs));
  return {
    title: t("models.learningCurves.perEpoch", name),
    file: "learning-curves",
    view: `${model.loss}/${isLog}`,
    x: { title: t("models.charts.epoch") },
    y: { title: unit ? t("models.charts.withUnit", name, unit) : name, log: isLog },
    series: alike.map((m) => ({
      name: m.name,
      style: m.style,
      strong: m === model,
      traces: PARTS.map((part) => trace(m, part)),
    })),
    columns: PARTS.map((part) => titles[part]),
    write,
    notes: models
      .filter((m) => m.loss !== model.loss)
      .map((m) => {
        const reason = m.loss
          ? t("models.learningCurves.otherLoss", lossTitle(m.loss)[0])
          : t("models.learningCurves.notTrained");
        return `${m.name}: ${reason}`;
      }),
    summary: `${alike.map((m) => t("models.charts.endsAt", m.name, write(m.validation.at(-1)))).join(", ")}.`,
    table: () => ({
      heads: [t("models.charts.epoch"), ...alike.flatMap((m) => PARTS.map((part) => `${m.name}, ${titles[part]}`))],
      rows: Array.from({ length: epochs }, (_, epoch) => [
        String(epoch + 1),
        ...alike.flatMap((m) => PARTS.map((part) => (epoch < m.epochs ? write(m[part][epoch]) : ""))),
      ]),
    }),
  };
}

/**
 * @param {HTMLElement} element  of the page
 * @param {import("../selection.js").Selection} selection
 * @param {string | null} plotly  its address
 * @returns {() => void} to be called when the models compared have changed
 */
export function mountLearning(element, selection, plotly) {
  const section = finder(element)(".curves");
  const scale = finder(section)(".scale");
  const isLog = () => checkedValue(scale) === "log";
  const update = mountChart(section, plotly, () => learningChart(selection.model, selection.models, isLog()));
  scale.onchange = update;
  return update;
}
