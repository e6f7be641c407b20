/* The Models page: a table in which one model is chosen, and everything about that model. What is the same for
   every visitor is one file, loaded when the page is first seen; pictures are asked for when their section comes into
   view. */
import { fromBase64 } from "../shell/base64.js";
import { closestTarget, findAll, finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { loadJson } from "../shell/static_data.js";
import { on, set } from "../shell/store.js";
import { say } from "../shell/toast.js";
import { showAbout, showLayers } from "./architecture.js";
import { mountCost } from "./charts/cost.js";
import { lossTitle, mountLearning } from "./charts/learning.js";
import { mountQuality } from "./charts/quality.js";
import { mountCheckerboards } from "./checkerboards.js";
import { colour, lineSample } from "./format.js";
import { mountInside, mountWeights } from "./inside.js";
import { mountModelList } from "./model_list.js";
import { Selection } from "./selection.js";
import { mountTenDigits } from "./ten_digits.js";

/**
 * The models that can be shown beside the chosen one.
 * @param {HTMLElement} element  of the page
 * @param {Selection} selection
 * @param {() => void} update  called when others are to be shown
 * @returns {() => void} marks those that are shown
 */
function mountChips(element, selection, update) {
  const chips = finder(element)(".chips");
  setHtml(
    chips,
    selection.entries
      .filter((e) => e.family !== "referee")
      .map(({ name, family, epochs, style }) => {
        const sample = epochs ? lineSample(style) : html`<i class="swatch"></i>`;
        return html`<button type="button" class="chip" data-name="${name}" style="--c:${colour(family)}">
          ${sample}${name}
        </button>`;
      }),
  );
  chips.onclick = (event) => {
    const chip = closestTarget(event, ".chip");
    if (!chip) return;
    selection.toggleCompared(chip.dataset.name);
    update();
  };
  return () => {
    for (const chip of findAll(chips, ".chip")) {
      const { name } = chip.dataset;
      chip.hidden = name === selection.name;
      chip.setAttribute("aria-pressed", String(selection.compared.has(name)));
    }
  };
}

/** Build the page of the given models. */
function start(element, server, { entries, factors, plotly }, results, example) {
  if (!entries.length) return;
  const selection = new Selection(entries);
  const markList = mountModelList(element, selection, factors, chooseByHand);
  const markChips = mountChips(element, selection, update);
  const charts = [
    mountQuality(element, selection, results, plotly),
    mountCost(element, selection, results, plotly),
    mountLearning(element, selection, plotly),
  ];
  const updateCharts = () => charts.forEach((update) => update());
  const inside = mountInside(element, selection, server, example);
  const updateWeights = mountWeights(element, selection, server);
  const updateTenDigits = mountTenDigits(element, selection, server);
  mountCheckerboards(element, selection, server);

  function update() {
    markChips();
    updateCharts();
    inside.update();
    updateWeights();
    updateTenDigits();
  }
  function choose(name) {
    selection.name = name;
    inside.reset();
    markList();
    element.style.setProperty("--c", colour(selection.model.family));
    showAbout(element, selection.model, lossTitle);
    showLayers(element, selection.model);
    update();
  }
  function chooseByHand(name) {
    choose(name);
    set({ modelShown: name });
  }
  choose(selection.name);
  on("requestedModel", ({ requestedModel }) => {
    if (selection.byName.has(requestedModel)) chooseByHand(requestedModel);
  });

  /* charts are drawn for the width they have */
  let drawnWidth = 0;
  new ResizeObserver(
    ([
      {
        contentRect: { width },
      },
    ]) => {
      if (!width || Math.abs(width - drawnWidth) < 2) return;
      drawnWidth = width;
      updateCharts();
    },
  ).observe(element);
}

/** @param {import("../shell/mount.js").Context<{data: string, example: string}>} context */
export function mount({ element, props, server }) {
  const visible = new ResizeObserver(async () => {
    if (!element.clientWidth) return;
    visible.disconnect();
    try {
      const data = await loadJson(props.data);
      start(element, server, data, await loadJson(data.charts), fromBase64(props.example));
    } catch {
      say(t("models.page.missing"));
    }
  });
  visible.observe(element);
}
