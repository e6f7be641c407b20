/* The ten digits: clean, noisy, and what the network makes of them at the moment that is looked at. */
import { fromBase64 } from "../shell/base64.js";
import { findAll, finder, html, setHtml } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { calm, labelPlay } from "../shell/motion.js";
import { paintDigit, PIXELS } from "../shell/pixels.js";
import { on, set, state } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const $ = finder(element);
  const ROWS = [
    ["clean", t("train.tenDigits.clean")],
    ["noisy", t("common.noisy")],
    ["denoised", t("train.tenDigits.denoised")],
  ];
  const FRAME = 120;

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
    findAll(element, ".row").map((row) => [
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
  on("watchedDigits theme", ({ watchedDigits }) => {
    $(".origin").textContent = watchedDigits ? localize(watchedDigits.origin) : "";
    show("clean", watchedDigits && fromBase64(watchedDigits.clean), "", t("train.tenDigits.cleanLabel"));
    show(
      "noisy",
      watchedDigits && fromBase64(watchedDigits.noisy),
      watchedDigits && `${watchedDigits.psnr.toFixed(1)} dB`,
      watchedDigits ? t("train.tenDigits.noisyLabel", watchedDigits.psnr.toFixed(1)) : t("common.noisy"),
    );
  });

  /* ---------- any moment of the training ---------- */
  const range = element.querySelector("input");
  const play = $(".play", HTMLButtonElement);
  const time = (moment) => `${moment.seconds.toFixed(1)} s`;
  on("snapshots snapshotIndex theme", ({ snapshots, snapshotIndex }) => {
    const moment = snapshots[snapshotIndex];
    const many = snapshots.length > 1;
    range.disabled = play.disabled = !many;
    range.max = String(Math.max(0, snapshots.length - 1));
    range.value = String(Math.max(0, snapshotIndex));
    $("output").textContent = moment ? time(moment) : "";
    range.setAttribute("aria-valuetext", moment ? t("train.tenDigits.afterSteps", moment.steps, time(moment)) : "");
    const psnr = moment?.psnr?.toFixed(1);
    show(
      "denoised",
      moment ? fromBase64(moment.pictures) : null,
      moment && `${psnr} dB`,
      moment ? t("train.tenDigits.denoisedAfter", time(moment), psnr) : t("train.tenDigits.nothingYet"),
    );
  });
  let timer = 0;
  const halt = () => {
    clearInterval(timer);
    timer = 0;
  };
  range.oninput = () => {
    halt();
    set({ snapshotIndex: Number(range.value) });
  };
  labelPlay(play, t("common.play"));
  play.onclick = () => {
    const { snapshots, snapshotIndex } = state;
    const next = snapshotIndex >= snapshots.length - 1 ? 0 : snapshotIndex + 1;
    if (calm.matches) return set({ snapshotIndex: next }); // steps on press
    if (timer) return halt();
    set({ snapshotIndex: snapshotIndex >= snapshots.length - 1 ? 0 : snapshotIndex });
    timer = setInterval(() => {
      const { snapshots, snapshotIndex } = state;
      if (snapshotIndex >= snapshots.length - 1) halt();
      else set({ snapshotIndex: snapshotIndex + 1 });
    }, FRAME);
  };
}
