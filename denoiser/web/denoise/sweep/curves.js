/* PSNR against the noise factor, one curve per model, with a cursor at the present noise factor. */
import { nearestStep, NOISE_FACTORS } from "../../shell/constants.js";
import { finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { clamp } from "../../shell/numbers.js";

/** @typedef {import("../../shell/store.js").Model} Model */
/** @typedef {import("../board/sweep_client.js").Comparison} Comparison */

const LOW = 4; // dB
const HIGH = 32;
const GRID = [5, 10, 15, 20, 25, 30];
const TOLD = [0.1, 0.5, 0.9]; // noise factors whose figures screen readers are told

/** A row's PSNR at a step of the sweep, for comparing: below all where its model failed. */
const psnrOf = (sweep, row, step) => (sweep.broken[row] ? -Infinity : (sweep.psnr[row][step] ?? Infinity));

function written(value) {
  if (value === -Infinity) return "–";
  return value === Infinity ? "∞" : value.toFixed(1);
}

const bestRow = (rows, sweep, step) => {
  const values = rows.map((_, row) => psnrOf(sweep, row, step));
  return values.indexOf(Math.max(...values));
};

/** The curves in words: the figures at three noise factors, and which model is best from where on. */
function description(rows, sweep) {
  const figuresAt = (factor) => {
    const step = nearestStep(factor);
    const figures = rows
      .map(({ label }, row) => `${label} ${written(psnrOf(sweep, row, step))}`)
      .join(t("common.comma"));
    return t("denoise.curves.figuresAt", factor.toFixed(1), figures);
  };
  const best = NOISE_FACTORS.map((_, step) => bestRow(rows, sweep, step));
  const changes = best
    .map((row, step) => ({ row, step }))
    .filter(({ row, step }) => row !== best[step - 1])
    .map(({ row, step }) => t("denoise.curves.bestFrom", rows[row].label, NOISE_FACTORS[step].toFixed(2)))
    .join(t("common.comma"));
  return [t("denoise.curves.axes"), ...TOLD.map(figuresAt), t("denoise.curves.best", changes)].join(" ");
}

/** @param {HTMLElement} element  of the component */
export function mountCurves(element) {
  const find = finder(element);
  const plot = find(".plot", SVGElement);

  /** Where a PSNR lies, in pixels from the top. */
  function yScale({ height }) {
    return (psnr) => height - 24 - ((clamp(psnr, LOW, HIGH) - LOW) / (HIGH - LOW)) * (height - 36);
  }
  function gridMarkup({ width, height, columns, x }, y) {
    const lines = GRID.map(
      (psnr) =>
        html`<path d="M0 ${y(psnr)}H${width}" stroke="var(--line)" />
          <text x="${width}" y="${y(psnr) - 4}" text-anchor="end">${psnr}</text>`,
    );
    const factors = Array.from({ length: columns }, (_, i) => i / (columns - 1));
    const labels = factors.map(
      (factor) => html`<text x="${x(factor)}" y="${height - 4}" text-anchor="middle">${factor.toFixed(1)}</text>`,
    );
    return [lines, labels];
  }
  const curveMarkup = (points, { colour, dash }) =>
    html`<path
      d="M${points.join("L")}"
      fill="none"
      stroke="${colour}"
      stroke-width="2"
      stroke-linejoin="round"
      stroke-dasharray="${dash}"
    />`;

  return {
    /** @param {Model[]} rows */
    showLegend(rows) {
      setHtml(
        find(".legend"),
        rows.map(
          ({ label, style: { colour, dash } }) =>
            html`<li>
              <svg viewBox="0 0 24 12" aria-hidden="true">
                <path d="M0 6h24" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}" /></svg
              ><span>${label}</span><span class="value">–</span>
            </li>`,
        ),
      );
    },

    /**
     * @param {Model[]} rows
     * @param {Comparison | null} sweep
     * @param {import("./sweep.js").Axis} axis
     */
    draw(rows, sweep, axis) {
      if (!axis.width) return;
      const y = yScale(axis);
      const point = (row) => (factor, step) =>
        `${axis.x(factor).toFixed(1)} ${y(sweep.psnr[row][step] ?? HIGH).toFixed(1)}`;
      const curves = sweep?.psnr
        ? rows.map(({ style }, row) => (sweep.broken[row] ? null : curveMarkup(sweep.factors.map(point(row)), style)))
        : [];
      const { width, height } = plot.getBoundingClientRect();
      plot.setAttribute("viewBox", `0 0 ${width} ${height}`); // on paper it shrinks as a whole
      setHtml(plot, html`${gridMarkup(axis, y)} ${curves}<g class="dots"></g>`);
      plot.setAttribute("aria-label", sweep?.psnr ? description(rows, sweep) : t("denoise.curves.empty"));
    },

    /**
     * Show the present noise factor, and the figures there.
     * @param {Model[]} rows
     * @param {Comparison | null} sweep
     * @param {import("./sweep.js").Axis} axis
     * @param {number} factor
     */
    moveCursor(rows, sweep, axis, factor) {
      const { x, left } = axis;
      const step = nearestStep(factor);
      const figures = sweep?.psnr ? rows.map((_, row) => psnrOf(sweep, row, step)) : [];
      const best = figures.length ? bestRow(rows, sweep, step) : -1;
      for (const mark of [find(".hair"), find(".flag")]) mark.style.left = `${left + x(factor)}px`;
      find(".flag").textContent = factor.toFixed(2);
      [...find(".legend").children].forEach((line, row) => {
        line.querySelector(".value").textContent = figures.length ? written(figures[row]) : "–";
        line.classList.toggle("best", row === best);
      });
      const dots = plot.querySelector(".dots");
      if (!dots) return;
      const y = yScale(axis);
      const dot = (value, row) =>
        html`<circle
          cx="${x(factor)}"
          cy="${y(value)}"
          r="${row === best ? 5 : 4}"
          fill="${rows[row].style.colour}"
          stroke="var(--bg)"
          stroke-width="2"
        />`;
      setHtml(
        dots,
        figures.map((value, row) => (value === -Infinity ? html`` : dot(value, row))),
      );
    },
  };
}
