/* The trainings of this visit, one below the other: settings, figures, and what each made of the same ten digits. One
   of them is chosen, the last one at first: its network can be seen on the Denoise page, or downloaded. */
import { fromBase64 } from "../shell/base64.js";
import { closestTarget, findAll, finder, html, setHtml } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { paintDigit, PIXELS } from "../shell/pixels.js";
import { on, set, state } from "../shell/store.js";

/** Whether the network of a run is the chosen one. */
const isChosen = (run) => run.id !== null && run.id === state.trainingResult?.id;

/** Choose a run whose network was kept. */
const choose = ({ id, card }) => set({ trainingResult: { id, card } });

/**
 * @typedef {import("../shell/i18n.js").Text} Text
 * @param {import("../shell/mount.js").Context<{noises: Record<string, Text>, losses: Record<string, Text>}>} context
 */
export function mount({ element, props }) {
  const find = finder(element);
  const list = find(".list");

  function runMarkup(run) {
    const { family, width, code, noise, factor, loss, rate } = run.settings;
    const name = t(family === "dense" ? "train.runs.dense" : "train.runs.conv", width, code);
    const details = [localize(props.noises[noise]), factor.toFixed(2), localize(props.losses[loss]), rate];
    return html`<button
      type="button"
      class="run"
      role="radio"
      aria-checked="${isChosen(run)}"
      ${run.id === null ? "disabled" : ""}
    >
      <span class="who"
        ><b>${name}</b><small>${details.join(" · ")}</small
        ><small
          >${t("train.runs.figures", run.psnr.toFixed(1), run.noisyPsnr.toFixed(1), Math.round(run.seconds))}</small
        ></span
      >
      ${Array(10).fill(html`<canvas class="px" width="28" height="28" aria-hidden="true"></canvas>`)}
    </button>`;
  }
  on("runs trainingResult theme", ({ runs }) => {
    list.hidden = !runs.length;
    find(".none").hidden = runs.length > 0;
    setHtml(list, runs.map(runMarkup));
    runs.forEach((run, r) => {
      const pixels = fromBase64(run.pictures);
      list.children[r]
        .querySelectorAll("canvas")
        .forEach((canvas, i) => paintDigit(canvas, pixels.subarray(i * PIXELS, (i + 1) * PIXELS)));
    });
  });
  list.onclick = (event) => {
    const index = [...list.children].indexOf(closestTarget(event, ".run"));
    const run = state.runs[index];
    if (!run || run.id === null) return;
    choose(run);
    findAll(list, ".run")[index].focus();
  };

  /* after a reload */
  const last = state.runs.findLast((run) => run.id !== null);
  if (last && !state.trainingResult) choose(last);
}
