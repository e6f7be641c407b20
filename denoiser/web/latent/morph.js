/* The strip between two pins on each map: a straight line at once from the atlas, then every frame exactly. */
import { fromBase64 } from "../shell/base64.js";
import { hasInk } from "../shell/drawing.js";
import { findAll, finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { calm, labelPlay } from "../shell/motion.js";
import { download } from "../shell/navigation.js";
import { paintDigit } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { copies } from "./copies.js";
import { latentPointOf, top } from "./plane.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, server }) {
  const $ = finder(element);
  const STEPS = 13;
  const FRAME = 130;
  let along = false;

  /* ---------- frames ---------- */

  const sync = copies($(".strip"), (root) => {
    const list = finder(root)(".frames");
    setHtml(
      list,
      Array(STEPS).fill(
        html`<li>
          <button type="button">
            <canvas class="px" width="28" height="28" aria-hidden="true"></canvas><span></span>
          </button>
        </li>`,
      ),
    );
    const frames = findAll(list, "button").map((button) => ({
      button,
      canvas: button.querySelector("canvas"),
      words: button.querySelector("span"),
    }));
    frames.forEach(({ button }, i) => {
      button.onpointerenter =
        button.onfocus =
        button.onclick =
          () => {
            stop();
            pick(i);
          };
      button.onpointerleave = (event) => {
        if (event.pointerType === "mouse") pick(null);
      };
      button.onblur = () => pick(null);
    });
    return { list, frames };
  });
  /** @type {ReturnType<typeof sync>} */
  let strips = new Map();
  const pick = (frame) => {
    if (frame !== (state.frame ?? null)) set({ frame });
  };

  function caption({ button, words }, i, reading) {
    const best = reading ? top(reading) : -1;
    setHtml(words, reading ? html`<b>${best}</b>${Math.round(reading[best] * 100)} %` : html`&nbsp;`);
    button.setAttribute(
      "aria-label",
      reading ? t("latent.morph.frameReads", i + 1, STEPS, best) : t("latent.morph.frame", i + 1, STEPS),
    );
  }
  on("frame", ({ frame }) => {
    for (const { frames } of strips.values())
      frames.forEach(({ button }, i) => button.classList.toggle("on", i === frame));
  });

  /* ---------- the way ---------- */

  /* {name: [a, b]}, or null where a map does not know one of the ends */
  function ends() {
    const { maps, pins } = state;
    if (!maps?.length || !pins) return null;
    const found = maps.map((map) => [map.name, [latentPointOf(pins.a, map), latentPointOf(pins.b, map)]]);
    return found.every(([, pair]) => pair.every(Boolean)) ? Object.fromEntries(found) : null;
  }
  const request = () => ({ ends: ends(), along });

  function preview() {
    const pairs = ends();
    for (const [name, select] of Object.entries(choices))
      select.value = Array.isArray(state.pins?.[name]) ? "pin" : (state.pins?.[name] ?? "pin");
    if (!pairs) return;
    if (!along) {
      const routes = {};
      for (const map of state.maps) {
        const [a, b] = pairs[map.name];
        routes[map.name] = Array.from({ length: STEPS }, (_, i) =>
          [0, 1].map((k) => a[k] + ((b[k] - a[k]) * i) / (STEPS - 1)),
        );
        strips.get(map.name).frames.forEach((frame, i) => {
          paintDigit(frame.canvas, map.decode(routes[map.name][i]));
          caption(frame, i, map.readings(routes[map.name][i]));
        });
      }
      set({ routes });
    }
    exact();
  }
  let asking = false;
  let again = false;
  async function exact() {
    // one question at a time, the last one always asked
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const asked = request();
    const reply = await ask(server.morph, asked);
    asking = false;
    if (again) {
      again = false;
      exact();
    }
    if (!reply || JSON.stringify(asked) !== JSON.stringify(request())) return;
    for (const [name, { pictures, readings }] of Object.entries(reply.maps))
      strips.get(name).frames.forEach((frame, i) => {
        paintDigit(frame.canvas, fromBase64(pictures[i]));
        caption(frame, i, readings[i]);
      });
    set({ routes: Object.fromEntries(Object.entries(reply.maps).map(([name, { places }]) => [name, places])) });
  }
  $(".path").onchange = (event) => {
    along = /** @type {HTMLInputElement} */ (event.target).value === "data";
    preview();
  };

  /* ---------- its ends: a point on the map, the visitor's digit, an example, or a class ---------- */

  const choices = { a: $(".a", HTMLSelectElement), b: $(".b", HTMLSelectElement) };
  function offer() {
    const { maps, trajectory, pins } = state;
    if (!maps?.length) return;
    const known = Object.keys(maps[0].places)
      .sort()
      .filter((end) => maps.every((map) => map.places[end]))
      .map((end) => {
        const [kind, digit] = end.split(":");
        return [end, kind === "class" ? t("latent.morph.class", digit) : t("latent.morph.example", digit)];
      });
    const options = [
      ["pin", t("latent.morph.pin")],
      ...(trajectory ? [["drawing", t("latent.page.yourDrawing")]] : []),
      ...known,
    ];
    for (const select of Object.values(choices))
      setHtml(
        select,
        options.map(([value, words]) => html`<option value="${value}">${words}</option>`),
      );
    for (const label of findAll(element, ".along")) label.hidden = !maps.every((map) => map.codes);
    /* an end is gone with the drawing, or where a map does not know it */
    const gone = (end) => (end === "drawing" ? !trajectory && !hasInk() : maps.some((map) => !latentPointOf(end, map)));
    const lost = Object.entries(pins ?? {}).filter(([, end]) => gone(end));
    const { routes } = state;
    const [
      route = [
        [-2, 0],
        [2, 0],
      ],
    ] = Object.values(routes ?? {});
    if (lost.length)
      set({ pins: { ...pins, ...Object.fromEntries(lost.map(([name]) => [name, route.at(name === "a" ? 0 : -1)])) } });
    else preview();
  }
  for (const [name, select] of Object.entries(choices))
    select.onchange = () => {
      const [map] = state.maps;
      const place = latentPointOf(state.pins[name], map);
      set({ pins: { ...state.pins, [name]: select.value === "pin" ? place : select.value } });
    };

  /* ---------- playing and keeping ---------- */

  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
  };
  labelPlay($(".play"), t("common.play"));
  $(".play").onclick = () => {
    stop();
    if (calm.matches) {
      // one frame for each press
      const next = (state.frame ?? -1) + 1;
      return pick(next < STEPS ? next : null);
    }
    let step = 0;
    timer = setInterval(() => {
      // there and back
      const frame = step < STEPS ? step : 2 * STEPS - 2 - step;
      if (frame < 0) {
        stop();
        return pick(null);
      }
      pick(frame);
      for (const { list } of strips.values()) list.scrollLeft = frame * 96 - list.clientWidth / 2;
      step++;
    }, FRAME);
  };
  for (const button of findAll(element, ".save"))
    button.onclick = async () => {
      if (!ends()) return;
      const { kind } = button.dataset;
      const reply = await ask(server.film, { ...request(), kind });
      if (!reply) return;
      const content = URL.createObjectURL(new Blob([fromBase64(reply.content)], { type: reply.type }));
      download(content, `morph-${[...strips.keys()].join("-")}.${kind}`);
      setTimeout(() => URL.revokeObjectURL(content), 10000);
    };

  on("maps", ({ maps }) => {
    if (maps) strips = sync(maps);
  });
  on("maps trajectory", offer);
  on("pins theme", preview);
}
