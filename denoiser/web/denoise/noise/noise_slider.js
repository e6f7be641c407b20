/* The noise slider: its track is a film of this digit at every noise factor, its thumb one frame wide. Below it stands
   what each model was trained on. */
import { LAST_STEP, nearestStep, NOISE_FACTORS } from "../../shell/constants.js";
import { hasInk } from "../../shell/drawing.js";
import { findAll, finder, html, setHtml } from "../../shell/html.js";
import { paintDigit, SIDE, themeColour } from "../../shell/pixels.js";
import { on, set, state } from "../../shell/store.js";
import { recordedFilm } from "../visit/ghost.js";
import { mountKindsButton } from "./kinds_button.js";
import { markX, mountTrainingRanges } from "./training_ranges.js";

const PERFORATION = "#3a4044";

/** The film: perforated, one frame per noise factor, or fewer where it is short. */
function paintFilm(film, sweep) {
  const context = film.getContext("2d");
  const { width, height } = film;
  const frames = Math.floor(width / SIDE);
  const top = (height - SIDE) / 2;
  const background = `rgb(${themeColour("--film")})`;
  const frame = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  for (let i = 0; sweep && i < frames; i++) {
    paintDigit(frame, sweep.picture(0, Math.round((i * LAST_STEP) / (frames - 1))));
    context.drawImage(frame, SIDE * i, top);
  }
  context.fillStyle = PERFORATION;
  for (let x = 5; x < width; x += 14) for (const y of [2, height - 6]) context.fillRect(x, y, 4, 4);
  context.fillStyle = background;
  for (let i = 1; i < frames; i++) context.fillRect(SIDE * i, top, 1, SIDE);
}

/** The films of the recorded drawing, for which no sweep was asked. */
async function paintRecordedFilms(films) {
  const image = await recordedFilm();
  const sheet = Object.assign(document.createElement("canvas"), { width: image.width, height: SIDE });
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const picture = (_, step) => context.getImageData(step * SIDE, 0, SIDE, SIDE).data.filter((_value, i) => i % 4 === 0);
  if (state.ghost && !state.sweep) for (const film of films) paintFilm(film, { picture });
}

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  const sliders = [...element.querySelectorAll("input")];
  const films = findAll(element, ".film canvas", HTMLCanvasElement);
  for (const slider of sliders) {
    slider.step = String(1 / LAST_STEP);
    slider.oninput = () => set({ factor: NOISE_FACTORS[nearestStep(slider.value)] });
  }
  find(".thumbbar .new").onclick = () => document.getElementById("new-noise")?.click();
  mountKindsButton(find(".kinds"));
  on("factor", ({ factor }) => {
    const text = factor.toFixed(2);
    for (const slider of sliders) {
      slider.value = String(factor);
      slider.setAttribute("aria-valuetext", text);
    }
    find(".thumbbar output").textContent = text;
  });
  let isPainted = false;
  on("sweep theme version", ({ sweep, drawing, ghost }) => {
    if (ghost && !sweep) return paintRecordedFilms(films);
    if (drawing || (isPainted && !sweep && hasInk())) return; // until its sweep is there, the old one stays
    isPainted = true;
    for (const film of films) paintFilm(film, hasInk() ? sweep : null);
  });
  const tick = (i) => html`<span style="left:${markX(i / 10)}px">${(i / 10).toFixed(1)}</span>`;
  setHtml(
    find(".ticks"),
    Array.from({ length: 11 }, (_, i) => tick(i)),
  );
  mountTrainingRanges(find(".trained"));
}
