/* Twelve latent points drawn from the prior, decoded by each map; pointing at one shows where it lies. */
import { fromBase64 } from "../shell/base64.js";
import { findAll, finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { newSeed } from "../shell/numbers.js";
import { paintDigit } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { copies } from "./copies.js";
import { formatPoint, top } from "./plane.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, server }) {
  const find = finder(element);
  const sync = copies(find(".dozens section"), (root) => {
    const dozen = finder(root)(".dozen");
    setHtml(
      dozen,
      Array(12).fill(
        html`<button type="button">
          <canvas class="px unlit" width="28" height="28" aria-hidden="true"></canvas>
        </button>`,
      ),
    );
    const buttons = findAll(dozen, "button");
    buttons.forEach((button, i) => {
      button.onpointerenter =
        button.onfocus =
        button.onclick =
          () => {
            if (state.samples) set({ point: { z: state.samples[i], by: "sample" } });
          };
      button.onpointerleave = button.onblur = () => {
        if (state.point?.by === "sample") set({ point: null });
      };
    });
    return { buttons };
  });
  /** @type {ReturnType<typeof sync>} */
  let parts = new Map();
  let drawn = null;
  let seed = newSeed();
  let asked = 0;

  async function draw() {
    const { maps } = state;
    const mine = ++asked;
    if (!maps?.length) return;
    parts = sync(maps);
    const reply = await ask(server.dozen, { names: maps.map((map) => map.name), seed });
    if (!reply || mine !== asked) return;
    drawn = reply;
    set({ samples: reply.places });
    show();
  }
  function show() {
    for (const [name, { buttons }] of parts)
      buttons.forEach((button, i) => {
        const made = drawn?.maps[name];
        const canvas = button.querySelector("canvas");
        const reading = made?.readings[i];
        if (!made) return;
        canvas.classList.remove("unlit");
        paintDigit(canvas, fromBase64(made.pictures[i]));
        button.setAttribute(
          "aria-label",
          reading
            ? t("latent.samples.newDigitReads", i + 1, formatPoint(drawn.places[i]), top(reading))
            : t("latent.samples.newDigit", i + 1, formatPoint(drawn.places[i])),
        );
      });
  }
  find(".again").onclick = () => {
    seed = newSeed();
    draw();
  };
  on("maps", draw);
  on("theme", show);
}
