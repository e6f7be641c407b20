/* What lies under the pointer on each map, at once from the atlas and exactly on rest. */
import { fromBase64 } from "../../shell/base64.js";
import { findAll, finder, html, setHtml } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { percent } from "../../shell/numbers.js";
import { paintDigit } from "../../shell/pixels.js";
import { ask } from "../../shell/rpc.js";
import { on, set, state } from "../../shell/store.js";
import { copies } from "../copies.js";
import { pinHere } from "../map/map_pointer.js";
import { isDetailed, normal, formatPoint, top } from "../plane.js";

/** @param {import("../../shell/mount.js").Context<{referee: boolean}>} context */
export function mount({ element, props, server }) {
  const $ = finder(element);
  const REST = 40; // ms without a move

  const chip = $(".state");
  const sync = copies($(".reading"), (root) => {
    const find = finder(root);
    const bars = find(".bars");
    if (props.referee)
      setHtml(
        bars,
        Array.from({ length: 10 }, (_, c) => html`<li style="--c:var(--k${c})"><span>${c}</span><i></i><em></em></li>`),
      );
    else root.classList.add("alone");
    return {
      big: find(".big", HTMLCanvasElement),
      nearest: find(".nearest"),
      reads: find(".reads"),
      where: find(".at"),
      rows: findAll(bars, "li").map((li) => ({ li, bar: li.querySelector("i"), value: li.querySelector("em") })),
    };
  });
  /** @type {ReturnType<typeof sync>} */
  let parts = new Map();

  /* what is shown: a place on each map, and what it is */
  function here() {
    const { point, routes, frame, trajectory, drift = 0 } = state;
    if (point)
      return {
        title: point.by === "sample" ? t("latent.reading.fromPrior") : t("latent.reading.underPointer"),
        of: () => point.z,
      };
    if (routes && frame != null) return { title: t("latent.reading.onTheWay"), of: (map) => routes[map.name]?.[frame] };
    if (trajectory)
      return {
        title: drift > 0 ? t("latent.reading.noisyDecoded") : t("latent.reading.drawingDecoded"),
        of: (map) => trajectory.maps[map.name]?.at(drift).mu,
      };
    return null;
  }
  const quantiles = (z) => z.map((v) => normal(v).toFixed(2)).join(", ");
  let timer = 0;
  let asked = 0;
  let shown = false; // a place, which then stays until another one is pointed at
  function show() {
    const { maps, point } = state;
    const found = here();
    if (!maps) return;
    clearTimeout(timer);
    if (!found && shown) {
      asked++;
      chip.hidden = $(".stay").hidden = true;
      $(".where").textContent = t("latent.reading.last");
      return;
    }
    shown = Boolean(found);
    asked++;
    const detailed = isDetailed(state.latentView);
    const places = new Map(maps.map((map) => [map, found?.of(map)]));
    chip.hidden = !found;
    chip.textContent = t("latent.reading.atlas");
    $(".where").textContent = found ? found.title : t("latent.reading.pointAtMap");
    $(".stay").hidden = !point || point.by === "mouse" || point.by === "sample";
    for (const [map, z] of places) {
      const part = parts.get(map.name);
      paint(map.name, z ? map.decode(z) : null, z ? map.readings(z) : null, z ? map.nearest(z) : null);
      part.where.textContent =
        z && detailed ? t("latent.reading.pointWithQuantiles", formatPoint(z), quantiles(z)) : "";
      if (!z) part.big.setAttribute("aria-label", t("latent.reading.noPlaceChosen"));
    }
    const one = maps.length === 1;
    const [z] = places.values();
    $(".facts").hidden = !one || !detailed;
    $(".facts .alone").hidden = !maps[0]?.codes;
    if (one) {
      $(".place").textContent = z ? formatPoint(z) : "–";
      $(".quantiles").textContent = z ? quantiles(z) : "–";
    }
    if (z)
      timer = setTimeout(
        rest,
        REST,
        Object.fromEntries([...places].filter(([, at]) => at).map(([map, at]) => [map.name, at])),
        asked,
        performance.now(),
      );
  }
  async function rest(places, mine, since) {
    const reply = await ask(server.point, { places });
    if (!reply || mine !== asked) return;
    for (const [name, { picture, reading, nearest }] of Object.entries(reply.maps)) {
      paint(name, fromBase64(picture), reading, nearest);
      const words = reading
        ? t("latent.reading.readsWith", top(reading), percent(Math.max(...reading)))
        : t("latent.page.decoded");
      parts
        .get(name)
        .big.setAttribute("aria-label", t("latent.reading.pictureLabel", name, formatPoint(places[name]), words));
    }
    chip.textContent = t("latent.reading.exact");
    performance.measure("denoiser:exact", { start: since, end: performance.now() }); // for the benchmark
    if (state.point?.by === "keys")
      $(".spoken").textContent = Object.keys(places)
        .map((name) => parts.get(name).big.getAttribute("aria-label"))
        .join("; ");
  }
  function paint(name, picture, reading, nearest) {
    const { big, rows, reads, nearest: line } = parts.get(name);
    const best = reading ? top(reading) : -1;
    big.classList.toggle("unlit", !picture);
    paintDigit(big, picture);
    rows.forEach(({ li, bar, value }, c) => {
      li.classList.toggle("top", c === best);
      bar.style.setProperty("--v", reading ? reading[c].toFixed(3) : 0);
      value.textContent = !reading ? "" : reading[c] < 0.005 ? "0" : `${Math.round(reading[c] * 100)} %`;
    });
    reads.textContent = reading ? t("latent.reading.readsWith", best, percent(reading[best])) : "";
    line.textContent = nearest ? t("latent.reading.nearestAt", nearest.digit, nearest.distance.toFixed(2)) : "";
    if (nearest)
      setHtml(
        $(".facts .nearest"),
        html`${nearest.digit}
          <span class="caption">${t("latent.reading.distance", nearest.distance.toFixed(2))}</span>`,
      );
    else $(".facts .nearest").textContent = "–";
  }
  $(".back").onclick = () => set({ point: null });
  for (const button of findAll(element, "[data-pin]")) button.onclick = () => pinHere(button.dataset.pin);
  on("maps", ({ maps }) => {
    if (maps) parts = sync(maps);
    shown = false;
  });
  on("maps point trajectory drift frame theme", show);
  on("routes", ({ frame }) => {
    if (frame != null) show();
  });
}
