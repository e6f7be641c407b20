/* The learning curves of the models compared, and their PSNR on the test set against the noise factor. */
import { NOISY_STYLE } from "../shell/constants.js";
import { t } from "../shell/i18n.js";
import { drawLineChart } from "./line_chart.js";

/**
 * @param {any} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {(loss: string) => string[]} lossTitle  a loss's name and unit
 */
export function mountCurves(element, selection, lossTitle) {
  const learning = element.querySelector(".curves");
  const quality = element.querySelector(".quality");
  let isLog = false;

  function drawLearning() {
    const { model, models } = selection;
    learning.hidden = !model.loss;
    if (learning.hidden) return;
    const [name, unit] = lossTitle(model.loss);
    const caption = [name, unit].filter(Boolean).join(", ");
    learning.querySelector(".unit").textContent = `${caption}; ${t("models.learningCurves.legend")}`;
    const line = (values, weak) => ({ points: values.map((value, epoch) => [epoch + 1, value]), weak });
    drawLineChart(learning.querySelector(".plot"), {
      series: models
        .filter((m) => m.loss === model.loss)
        .map((m) => ({ name: m.name, style: m.style, lines: [line(m.train, true), line(m.validation, false)] })),
      lineNames: [t("common.trainLoss"), t("common.validationLoss")],
      notes: models
        .filter((m) => m.loss !== model.loss)
        .map((m) => [
          m.name,
          m.loss ? t("models.learningCurves.otherLoss", lossTitle(m.loss)[0]) : t("models.learningCurves.notTrained"),
        ]),
      log: isLog,
      title: t("models.learningCurves.perEpoch", name),
      digits: 4,
    });
  }

  function drawQuality() {
    const { model, models } = selection;
    quality.hidden = !model.curve.length;
    if (quality.hidden) return;
    const noisy = { name: t("models.learningCurves.doNothing"), style: NOISY_STYLE, lines: [{ points: model.ground }] };
    drawLineChart(quality.querySelector(".plot"), {
      series: [
        ...(model.ground.length ? [noisy] : []),
        ...models
          .filter((m) => m.curve.length)
          .map((m) => ({ name: m.name, style: m.style, lines: [{ points: m.curve }] })),
      ],
      lineNames: ["PSNR"],
      title: t("models.learningCurves.psnrDb"),
      digits: 1,
    });
  }

  for (const input of learning.querySelectorAll(".scale input"))
    input.onchange = () => {
      isLog = learning.querySelector(".scale input:checked").value === "log";
      drawLearning();
    };
  return () => {
    drawLearning();
    drawQuality();
  };
}
