/* What a model makes of the digit on the pad, layer by layer, and the weights of its first layer. */
import { fromBase64, toBase64 } from "../shell/base64.js";
import { NOISE_KINDS } from "../shell/constants.js";
import { closestTarget, finder, html, setHtml } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { openPage } from "../shell/navigation.js";
import { paintDigit } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { on, state } from "../shell/store.js";
import { count, decibel, joined, shape } from "./format.js";
import { mountFlow } from "./flow.js";
import { lazySection } from "./lazy_sections.js";
import { scaleText, showTiles } from "./tile_sheet.js";

const SMALL_TILE = 36; // pixels, of filters of a few pixels

/** What the caption of the whole section says. */
function captionOf({ reading, noisy }) {
  if (reading) return t("models.inside.reads", reading[0], Math.round(100 * reading[1]));
  if (!noisy) return t("models.inside.reconstructs");
  const { kind, factor } = state;
  const label = localize(NOISE_KINDS[kind].label);
  return t("models.inside.noise", label, factor.toFixed(2));
}

/** What the tiles of a layer are. */
function layerNote(layer, sheet) {
  const { total, count: tiles, height, width, zero } = sheet;
  let selected = "";
  if (total > tiles) selected = t("models.inside.firstTiles", tiles, total);
  else if (layer.code && tiles === 1) selected = t("models.inside.codeShape", count(height * width), height, width);
  return [selected, t("models.inside.shareZero", Math.round(100 * zero)), scaleText(sheet)]
    .filter(Boolean)
    .join(t("common.semicolon"));
}

/** A button for each layer, as markup. */
const layerButtons = (layers, current) =>
  layers.map(
    (layer, i) =>
      html`<button
        type="button"
        class="step ${layer.code ? "code" : ""}"
        role="radio"
        data-step="${i}"
        aria-checked="${i === current}"
        title="${joined(layer.phrases)}"
      >
        <b>${shape(layer.shape)}</b
        >${layer.part === "code" ? t("models.inside.mean") : localize(layer.phrases[0] ?? "")}
      </button>`,
  );

/**
 * @param {HTMLElement} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {import("../shell/mount.js").Context["server"]} server
 * @param {Uint8Array} example  shown until the visitor has drawn something
 * @returns {{update: () => void, reset: () => void}} to be called when another model is shown
 */
export function mountInside(element, selection, server, example) {
  const section = finder(element)(".inside");
  const find = finder(section);
  /** @type {number | null} */
  let step = null; // which layer; null for the code
  const showFlow = mountFlow(find(".flow"), find(".what-flows"));

  function show(reply) {
    const { input, output, psnr, sheet } = reply;
    const figures = psnr && !state.nonDigit;
    paintDigit(find(".in", HTMLCanvasElement), fromBase64(input));
    find(".out-figure").hidden = !output;
    if (output) paintDigit(find(".out", HTMLCanvasElement), fromBase64(output));
    find(".goes-in").textContent = reply.noisy ? t("models.inside.noisy") : t("common.yourDigit");
    find(".db-in").textContent = reply.noisy && figures ? decibel(psnr[0]) : "";
    find(".db-out").textContent = figures ? decibel(psnr[1]) : "";
    find(".what").textContent = captionOf(reply);
    find(".layer").hidden = !sheet;
    if (!sheet) return;
    const { layers } = selection.model;
    showFlow(selection.model, reply.stages, reply.step);
    const layer = layers[reply.step];
    setHtml(find(".steps"), layerButtons(layers, reply.step));
    find(".layer-name").textContent = `${joined(layer.phrases)}, ${shape(layer.shape)}`;
    find(".layer-note").textContent = layerNote(layer, sheet);
    showTiles(find(".layer > .tiles"), sheet);
  }
  const shownDigit = () => ({ ...state, digit: state.digit ?? example });
  const update = lazySection(
    section,
    () => {
      const { digit, kind, seed, factor } = shownDigit();
      return [selection.name, step, kind, seed, factor, digit.join()].join("/");
    },
    async (isCurrent) => {
      const { digit, kind, seed, factor } = shownDigit();
      const request = { model: selection.name, digit: toBase64(digit), kind, seed, factor, step };
      const reply = await ask(server.inside, request);
      if (reply && isCurrent()) show(reply);
      return reply !== null;
    },
  );
  find(".steps").onclick = (event) => {
    const button = closestTarget(event, ".step");
    if (!button) return;
    step = +button.dataset.step;
    update();
  };
  find(".flow").onclick = (event) => {
    const stage = closestTarget(event, ".stage");
    if (!stage) return;
    step = +stage.dataset.step;
    update();
  };
  find(".draw").onclick = () => openPage("denoise");
  on("digit kind seed factor", ({ digit }) => {
    find(".nothing").hidden = !!digit;
    update();
  });
  return { update, reset: () => (step = null) };
}

/**
 * @param {HTMLElement} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {import("../shell/mount.js").Context["server"]} server
 * @returns {() => void} to be called when another model is shown
 */
export function mountWeights(element, selection, server) {
  const section = finder(element)(".weights");
  const find = finder(section);
  const tiles = find(".tiles");
  const update = lazySection(
    section,
    () => (selection.model.layers.length ? selection.name : null),
    async (isCurrent) => {
      const reply = await ask(server.weights, { model: selection.name });
      if (!reply) return false;
      const { sheet } = reply;
      if (!isCurrent()) return true;
      tiles.hidden = !sheet;
      if (!sheet) return true;
      const { count: tileCount, total, height, width } = sheet;
      const size = `${height} × ${width}`;
      find(".what").textContent = `${t("models.inside.firstTiles", tileCount, total)}, ${size}; ${scaleText(sheet)}`;
      showTiles(tiles, sheet, Math.max(width, height) < 10 ? SMALL_TILE : undefined);
      return true;
    },
  );
  return () => {
    section.hidden = !selection.model.layers.length;
    update();
  };
}
