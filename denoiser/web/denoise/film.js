/* The noise slider: its track is a film of this digit at 21 noise factors, its thumb one frame wide. */
import { hasInk } from "../shell/drawing.js";
import { html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { paintDigit, SIDE, themeColour } from "../shell/pixels.js";
import { on, set } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const sliders = [...element.querySelectorAll("input")];
  const films = [...element.querySelectorAll(".film canvas")];
  const scratch = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const FRAMES = 21;
  const TRACK = 588;
  const at = (factor) => 14 + (TRACK - 28) * factor;

  for (const slider of sliders) slider.oninput = () => set({ factor: Math.round(slider.value * 20) / 20 });
  element.querySelector(".thumbbar button").onclick = () => document.getElementById("new-noise")?.click();

  on("factor", ({ factor }) => {
    const words = factor.toFixed(2);
    for (const slider of sliders) {
      slider.value = factor;
      slider.setAttribute("aria-valuetext", words);
    }
    element.querySelector(".thumbbar output").textContent = words;
  });

  /* ---------- the film: perforated, one frame per noise factor ---------- */
  function develop({ ladder }) {
    const lit = ladder && hasInk();
    for (const film of films) {
      const context = film.getContext("2d");
      const { width, height } = film;
      const frames = Math.floor(width / 28);
      const top = height / 2 - 14;
      const [film0] = [themeColour("--film")];
      context.fillStyle = `rgb(${film0})`;
      context.fillRect(0, 0, width, height);
      for (let i = 0; lit && i < frames; i++) {
        paintDigit(scratch, ladder.picture(0, Math.round((i * (FRAMES - 1)) / (frames - 1))));
        context.drawImage(scratch, 28 * i, top);
      }
      context.fillStyle = "#3a4044";
      for (let x = 5; x < width; x += 14) for (const y of [2, height - 6]) context.fillRect(x, y, 4, 4);
      context.fillStyle = `rgb(${film0})`;
      for (let i = 1; i < frames; i++) context.fillRect(28 * i, top, 1, 28);
    }
  }
  on("ladder theme version", (state) => {
    if (!state.drawing) develop(state);
  });

  /* ---------- scale, and what each model was trained on ---------- */
  setHtml(
    element.querySelector(".ticks"),
    Array.from({ length: 11 }, (_, i) => html`<span style="left:${at(i / 10)}px">${(i / 10).toFixed(1)}</span>`),
  );
  const trained = element.querySelector(".trained");
  function words(
    [
      {
        trained: [low, high],
      },
    ],
    labels,
  ) {
    const names =
      labels.length > 3 ? t`${labels.slice(0, 2).join(t`, `)} and ${labels.length - 2} more` : labels.join(t`, `);
    return high === 0
      ? t`${names}: clean digits`
      : low === high
        ? `${names} ${low.toFixed(2)}`
        : `${names} ${low}–${high}`;
  }
  on("shown", ({ shown }) => {
    const marks = new Map(); // "low-high" -> models trained there
    for (const model of shown)
      if (model.trained) {
        const key = model.trained.join("-");
        marks.set(key, [...(marks.get(key) ?? []), model]);
      }
    trained.setAttribute(
      "aria-label",
      t`Trained on: ${[...marks.values()]
        .map((models) =>
          words(
            models,
            models.map((m) => m.label),
          ),
        )
        .join(t`; `)}`,
    );
    const ranges = [...marks.values()].filter(
      ([
        {
          trained: [low, high],
        },
      ]) => low !== high,
    );
    const short = (models) => [...new Set(models.map((m) => m.short))];
    setHtml(trained, [
      html`<small>${t`Trained on`}</small
        ><span class="ranges">${ranges.map((models) => words(models, short(models))).join(" · ")}</span>`,
      ...[...marks.values()].map((models) => {
        const [low, high] = models[0].trained;
        const middle = (low + high) / 2;
        const dots = models.map((m, i) =>
          low === high
            ? html`<i
                style="left:${at(low) + 12 * (high === 0 ? i : i - (models.length - 1) / 2) - 5}px;width:10px;background:${m.colour}"
              ></i>`
            : html`<i
                class="range"
                style="left:${at(low)}px;width:${at(high) - at(low)}px;margin-top:${4 * ranges.indexOf(models)}px;background:${m.colour}"
              ></i>`,
        );
        if (low !== high) return html`${dots}`;
        return html`${dots}<span
            style="${middle < 0.2 ? `left:${at(low) - 5}px` : middle > 0.8 ? "right:0" : `left:${at(middle)}px;transform:translateX(-50%)`}"
            >${words(models, short(models))}</span
          >`;
      }),
    ]);
  });
}
