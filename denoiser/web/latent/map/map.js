/* The maps, side by side: which of them, the layers and the legend. */
import { appendHtml, closestTarget, findAll, finder, html, setHtml } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { loadJson } from "../../shell/static_data.js";
import { on, set, state } from "../../shell/store.js";
import { latentMapOf } from "./latent_map.js";
import { showFigures } from "./map_figures.js";
import { copies } from "../copies.js";
import { drawGround, mapColours } from "./map_layers.js";
import { drawMarks } from "./map_marks.js";
import { mapPointer } from "./map_pointer.js";
import { mapView } from "./map_view.js";
import { isDetailed } from "../plane.js";

/** The input that an event comes from. */
const inputOf = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.target);

const KEYS = [t("latent.map.label"), t("latent.map.keysPointer"), t("latent.map.keysView")];

/**
 * @typedef {object} Props
 * @property {string[]} names  of the maps
 * @property {string} first  the one that is shown first
 * @property {Record<string, string>} data  the address of each map's file
 * @property {Record<string, import("../../shell/i18n.js").Text>} titles
 * @property {number} reach  how far the maps go from 0, in each direction
 * @param {import("../../shell/mount.js").Context<Props>} context
 */
export function mount({ element, props }) {
  const $ = finder(element);
  const { names, first } = props;
  const loaded = new Map();
  const ALL = "";
  const saved = state.latentView;
  const LAYERS = ["digits", "points", "contours", "prior"];
  const layers = Object.fromEntries(LAYERS.map((name) => [name, (saved?.layers ?? ["digits"]).includes(name)]));
  const shown = Array(10).fill(true);
  const view = mapView(props.reach, () => {
    remember();
    draw();
  });
  if (saved) Object.assign(view, { mode: saved.mode, zoom: saved.zoom, centre: [...saved.centre] });
  let colours = null;
  const savedMaps = names.filter((name) => saved?.maps.includes(name));
  let chosen = savedMaps.length ? savedMaps : [first];
  let details = isDetailed(saved);

  /** Put what is shown into the state, and with that into the address. */
  function remember() {
    const { mode, zoom, centre } = view;
    const visible = Object.keys(layers).filter((name) => layers[name]);
    if (panels.size) set({ latentView: { maps: chosen, mode, zoom, centre: [...centre], layers: visible } });
  }

  /* ---------- panels ---------- */

  const sync = copies($(".panel-map"), (root, { name }) => {
    const find = finder(root);
    const over = find(".over", HTMLCanvasElement);
    find(".in").onclick = () => view.zoomBy(1.4);
    find(".out").onclick = () => view.zoomBy(1 / 1.4);
    find(".fit").onclick = () => view.fit();
    find(".about").textContent = localize(props.titles[name]);
    over.setAttribute("aria-label", [`${name}:`, ...KEYS].join(" "));
    mapPointer(over, view, () => loaded.get(name) ?? null);
    return {
      over,
      ground: find(".ground", HTMLCanvasElement),
      note: find(".note"),
      figures: find(".figures"),
      box: find(".map"),
    };
  });
  /** @type {ReturnType<typeof sync>} */
  let panels = new Map();

  function marks() {
    if (view.width && colours) for (const [name, { over }] of panels) drawMarks(over, view, loaded.get(name), colours);
  }
  let drawing = 0;
  function draw() {
    if (!drawing)
      drawing = requestAnimationFrame(() => {
        drawing = 0;
        if (!view.width || !colours) return;
        for (const [name, { ground }] of panels) drawGround(ground, view, loaded.get(name), layers, shown, colours);
        marks();
      });
  }

  /* ---------- which maps ---------- */

  async function load(name) {
    try {
      loaded.set(name, await latentMapOf(await loadJson(props.data[name])));
    } catch {
      panels.get(name).note.textContent = t("latent.map.missing");
    }
  }
  async function choose(wanted) {
    chosen = wanted;
    panels = sync(wanted.map((name) => ({ name })));
    resize();
    await Promise.all(wanted.filter((name) => !loaded.has(name)).map(load));
    if (chosen !== wanted) return;
    const maps = wanted.map((name) => loaded.get(name)).filter(Boolean);
    const withCodes = maps.every((map) => map.codes);
    showFigures(panels, loaded);
    const hasCodes = maps.some((map) => map.codes);
    legend.hidden = !details || !hasCodes;
    for (const input of findAll(element, ".layers [value=points], .layers [value=contours]"))
      input.parentElement.hidden = !hasCodes;
    set({ maps, point: null, frame: null, routes: null });
    remember();
    if (maps.length && !state.pins)
      set({ pins: withCodes ? { a: "class:0", b: "class:7" } : { a: [-2, 0], b: [2, 0] } });
    draw();
  }
  const which = $(".which");
  if (names.length > 1) {
    const choices = [
      ...names.map((name) => [name, name]),
      [ALL, names.length === 2 ? t("latent.map.both") : t("latent.map.all")],
    ];
    which.hidden = false;
    setHtml(
      which,
      choices.map(
        ([value, words]) =>
          html`<label
            ><input
              type="radio"
              name="map-which"
              value="${value}"
              ${value === (chosen.length > 1 ? ALL : chosen[0]) ? "checked" : ""}
            /><span>${words}</span></label
          >`,
      ),
    );
    which.onchange = (event) => {
      const { value } = inputOf(event);
      choose(value === ALL ? names : [value]);
    };
  }

  /* ---------- coordinates, layers, legend ---------- */

  $(".mode").onchange = (event) => view.fit(inputOf(event).value);

  /** Show one map with its digits and no controls, or everything that can be set and measured. */
  function showDetails() {
    $(".ctl").hidden = !details;
    $(".maps").classList.toggle("plain", !details);
    $(".more").setAttribute("aria-expanded", String(details));
    $(".more").textContent = details ? t("latent.map.less") : t("latent.map.more");
    legend.hidden = !details || !state.maps?.some((map) => map.codes);
    for (const input of findAll(element, ".layers input", HTMLInputElement)) input.checked = layers[input.value];
  }
  $(".more").onclick = () => {
    details = !details;
    for (const name of LAYERS) layers[name] = details || name === "digits";
    showDetails();
    if (!details && chosen.length > 1) {
      $(`.which [value="${chosen[0]}"]`, HTMLInputElement).checked = true;
      return choose([chosen[0]]);
    }
    remember();
    draw();
  };
  for (const input of findAll(element, ".mode input", HTMLInputElement)) input.checked = input.value === view.mode;
  $(".layers").onchange = (event) => {
    const { value, checked } = inputOf(event);
    layers[value] = checked;
    remember();
    draw();
  };
  const legend = $(".classes");
  appendHtml(
    legend,
    shown.map(
      (_, c) =>
        html`<button type="button" class="chip" style="--c:var(--k${c})" data-class="${c}" aria-pressed="true">
          ${c}
        </button>`,
    ),
  );
  appendHtml(legend, html`<button type="button" class="quiet all">${t("latent.map.hideAll")}</button>`);
  legend.onclick = (event) => {
    const chip = closestTarget(event, "[data-class]");
    if (chip) shown[chip.dataset.class] = !shown[chip.dataset.class];
    else if (closestTarget(event, ".all")) shown.fill(!shown.every(Boolean));
    else return;
    findAll(legend, "[data-class]").forEach((b, c) => b.setAttribute("aria-pressed", String(shown[c])));
    legend.querySelector(".all").textContent = shown.every(Boolean) ? t("latent.map.hideAll") : t("latent.map.showAll");
    draw();
  };

  showDetails();

  /* ---------- life ---------- */

  function resize() {
    const [{ box }] = panels.values();
    const onMap = box.clientWidth > 0;
    if (onMap) view.resize(box.clientWidth, box.clientHeight);
    if (onMap !== Boolean(state.latentPageVisible)) set({ latentPageVisible: onMap });
  }
  new ResizeObserver(() => {
    if (!panels.size && element.clientWidth) choose(chosen);
    else if (panels.size) resize();
  }).observe($(".maps"));
  on("theme", () => {
    colours = mapColours();
    draw();
  });
  on("trajectory drift point pins routes frame", marks);
  on("driftShown", ({ driftShown, trajectory }) => {
    const tracks = panels.size ? [...panels.keys()].map((name) => trajectory?.maps[name]).filter(Boolean) : [];
    if (driftShown && tracks.length) view.focus(tracks.flatMap((track) => track.mu));
  });
}
