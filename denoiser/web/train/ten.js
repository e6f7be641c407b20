/* The ten digits: clean, noisy, and what the network makes of them at the moment that is looked at. */
import { fromBase64 } from "../shell/base64.js";
import { html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { paintDigit, PIXELS } from "../shell/pixels.js";
import { on, set, state } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const $ = (selector) => element.querySelector(selector);
  const ROWS = [
    ["clean", t`Clean`],
    ["noisy", t`Noisy`],
    ["denoised", t`Denoised`],
  ];
  const FRAME = 120;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  setHtml(
    $(".rows"),
    ROWS.map(
      ([name, words]) =>
        html` <div class="row" data-row="${name}" role="img">
          <div class="who"><b>${words}</b><small>&nbsp;</small></div>
          ${Array(10).fill(html`<canvas class="px unlit" width="28" height="28" aria-hidden="true"></canvas>`)}
        </div>`,
    ),
  );
  const rows = Object.fromEntries(
    [...element.querySelectorAll(".row")].map((row) => [
      row.dataset.row,
      { row, small: row.querySelector("small"), canvases: [...row.querySelectorAll("canvas")] },
    ]),
  );

  function show(name, pixels, words, label) {
    const { row, small, canvases } = rows[name];
    canvases.forEach((canvas, i) => {
      canvas.classList.toggle("unlit", !pixels);
      paintDigit(canvas, pixels && pixels.subarray(i * PIXELS, (i + 1) * PIXELS));
    });
    small.textContent = words || "\u00a0";
    row.setAttribute("aria-label", label);
  }
  on("ten theme", ({ ten }) => {
    $(".origin").textContent = ten ? t(ten.origin) : "";
    show("clean", ten && fromBase64(ten.clean), "", t`Ten digits, clean`);
    show(
      "noisy",
      ten && fromBase64(ten.noisy),
      ten && `${ten.psnr.toFixed(1)} dB`,
      ten ? t`The same with noise, ${ten.psnr.toFixed(1)} dB` : t`Noisy`,
    );
  });

  /* ---------- any moment of the training ---------- */
  const range = $("input");
  const play = $(".play");
  const time = (moment) => `${moment.seconds.toFixed(1)} s`;
  on("moments at theme", ({ moments, at }) => {
    const moment = moments[at];
    const many = moments.length > 1;
    range.disabled = play.disabled = !many;
    range.max = Math.max(0, moments.length - 1);
    range.value = Math.max(0, at);
    $("output").textContent = moment ? time(moment) : "";
    range.setAttribute("aria-valuetext", moment ? t`after ${moment.steps} steps, ${time(moment)}` : "");
    const psnr = moment?.psnr?.toFixed(1);
    show(
      "denoised",
      moment ? fromBase64(moment.pictures) : null,
      moment && `${psnr} dB`,
      moment ? t`Denoised after ${time(moment)}, ${psnr} dB` : t`Denoised: nothing yet`,
    );
  });
  let timer = 0;
  const halt = () => {
    clearInterval(timer);
    timer = 0;
  };
  range.oninput = () => {
    halt();
    set({ at: Number(range.value) });
  };
  play.onclick = () => {
    const { moments, at } = state;
    const next = at >= moments.length - 1 ? 0 : at + 1;
    if (calm.matches) return set({ at: next }); // steps on press
    if (timer) return halt();
    set({ at: at >= moments.length - 1 ? 0 : at });
    timer = setInterval(() => {
      const { moments, at } = state;
      if (at >= moments.length - 1) halt();
      else set({ at: at + 1 });
    }, FRAME);
  };
}
