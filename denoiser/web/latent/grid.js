/* The tutorials' n x n picture of decoded digits, to look at and to keep, and how good it is. */
import { finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { ask } from "../shell/rpc.js";
import { on, state } from "../shell/store.js";
import { copies } from "./copies.js";

const AREAS = {
  quantiles: t("latent.grid.areaQuantiles"),
  2: t("latent.grid.planeTo", 2),
  3: t("latent.grid.planeTo", 3),
  4: t("latent.grid.planeTo", 4),
};

/** @param {import("../shell/mount.js").Context<{sizes: number[], areas: string[]}>} context */
export function mount({ element, props, server }) {
  const $ = finder(element);
  const n = $(".n", HTMLSelectElement);
  const area = $(".area", HTMLSelectElement);
  setHtml(
    n,
    props.sizes.map((v) => html`<option value="${v}" ${v === 15 ? "selected" : ""}>${v} × ${v}</option>`),
  );
  setHtml(
    area,
    props.areas.map((v) => html`<option value="${v}" ${v === "quantiles" ? "selected" : ""}>${AREAS[v]}</option>`),
  );
  const sync = copies($("figure"), (root) => {
    const find = finder(root);
    return {
      sheet: find(".sheet", HTMLImageElement),
      save: find(".save", HTMLAnchorElement),
      sharpness: find(".sharpness"),
      readable: find(".readable"),
    };
  });
  const percent = (v) => (v === null ? "–" : `${Math.round(v * 100)} %`);

  let asked = 0;
  let seen = false;
  let wanted = false;
  async function draw() {
    const { maps } = state;
    const mine = ++asked;
    wanted = !seen;
    if (!maps?.length || !seen) return;
    const sheets = sync(maps);
    const reply = await ask(server.grid, { names: maps.map((map) => map.name), n: Number(n.value), area: area.value });
    if (!reply || mine !== asked) return;
    for (const [name, { content, sharpness, readable }] of Object.entries(reply.maps)) {
      const found = sheets.get(name);
      found.sheet.src = found.save.href = `data:image/png;base64,${content}`;
      found.sheet.alt = t("latent.grid.sheet", name, n.value, n.value, area.selectedOptions[0].textContent);
      found.save.download = `${name}-${n.value}x${n.value}.png`;
      found.save.setAttribute("aria-label", t("latent.grid.save", name));
      found.sheet.hidden = found.save.hidden = false;
      found.sharpness.textContent = percent(sharpness);
      found.readable.textContent = percent(readable);
    }
  }
  new IntersectionObserver(
    ([{ isIntersecting }]) => {
      // not before anyone looks
      seen = isIntersecting;
      if (seen && wanted) draw();
    },
    { rootMargin: "400px" },
  ).observe(element);
  n.onchange = area.onchange = draw;
  on("maps", draw);
}
