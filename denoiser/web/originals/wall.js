/* The first screen: the noisy picture, twelve digits that may have led to it, their votes, average and the answer. */
import { fromBase64 } from "../shell/base64.js";
import { nearestStep, NOISE_FACTORS } from "../shell/constants.js";
import { rememberDrawing, setDrawing } from "../shell/drawing.js";
import { closestTarget, findAll, finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { openPage } from "../shell/navigation.js";
import { percent } from "../shell/numbers.js";
import { mix, paintDigit, themeColour, toWord } from "../shell/pixels.js";
import { loadJson } from "../shell/static_data.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";
import { average, doubt, nearest, psnr, shareRight } from "./figures.js";
import { followOriginals, isStale } from "./request.js";
import { paintFilm, traceOutline } from "./shapes.js";
import { buildSheet, paintFrame, paintVotes, readingMarkup } from "./sheet.js";

const DIGITS = "0123456789";
const STALE = 150; // milliseconds for which the last originals stay as they are
const MOMENT = 70; // milliseconds of a moment of condensing
const DOUBTFUL = 24; // pixels in doubt from which on the originals count as different
const OUTLINE = 392; // pixels of the canvas above the noisy picture

/**
 * @typedef {object} Props
 * @property {number} count  of originals
 * @property {boolean} gaussianOnly  the sampler knows no other noise
 * @property {import("./figures.js").Calibration[] | null} measured
 * @property {number} fewest  digits from which on the share of them that was right is given
 * @property {string} examples  the address of their file
 * @param {import("../shell/mount.js").Context<Props>} context
 */
export function mount({ element, props, server }) {
  const find = finder(element);
  const page = document.getElementById("originals");
  const blocked = (s) => props.gaussianOnly && s.kind !== "gaussian" && !s.isNoisyInput;
  const another = followOriginals(server.originals, (s) => !blocked(s));
  const frames = buildSheet(find(".sheet"), props.count, (pointed) => set({ pointed }));
  for (const frame of frames) frame.dataset.testid = "original";

  /* ---------- in view or not ---------- */
  new ResizeObserver(() => {
    const onOriginals = element.clientWidth > 0;
    if (onOriginals !== state.onOriginals) set({ onOriginals });
    if (onOriginals) paintFilms(state);
  }).observe(element);

  /* ---------- controls ---------- */
  for (const slider of findAll(element, ".film input", HTMLInputElement))
    slider.oninput = () => set({ factor: NOISE_FACTORS[nearestStep(slider.value)] });
  for (const button of findAll(element, ".again")) button.onclick = another;
  find(".show").onclick = () => reveal(true);
  for (const bar of findAll(element, ".vote"))
    bar.addEventListener("click", (event) => {
      const button = closestTarget(event, "button");
      if (button) set({ group: state.group === Number(button.dataset.digit) ? null : Number(button.dataset.digit) });
    });
  find(".sheet").addEventListener("click", (event) => {
    const picked = frames.indexOf(closestTarget(event, ".frame"));
    if (picked < 0 || !state.originals) return;
    const pinned = state.pinned === picked ? null : picked;
    set({ picked, pinned, pointed: pinned });
  });
  find(".sheet").addEventListener("keydown", (event) => {
    if (event.key === "Escape") set({ pinned: null, pointed: null });
  });
  setHtml(
    find(".tray"),
    [...DIGITS].map(
      (name) =>
        html`<button type="button" data-name="${name}" aria-label="${t("common.example", name)}" disabled>
          <canvas width="28" height="28"></canvas>
        </button>`,
    ),
  );
  async function loadExamples() {
    const examples = await loadJson(props.examples);
    for (const button of findAll(element, ".tray button", HTMLButtonElement)) {
      const { strokes, pixels } = examples[button.dataset.name];
      paintDigit(button.querySelector("canvas"), fromBase64(pixels));
      button.disabled = false;
      button.onclick = () => {
        rememberDrawing();
        setDrawing({ strokes });
      };
    }
  }
  loadExamples().catch(() => say(t("common.examplesMissing")));
  find(".pad").onclick = () => openPage("denoise");

  function reveal(revealed) {
    set({ revealed });
    const { digitReads, votes } = state.originals;
    const [drawn] = digitReads ?? [];
    const count = votes.find(([digit]) => digit === drawn)?.[1] ?? 0;
    const words = revealed && digitReads ? t("originals.wall.revealed", drawn, count, props.count, drawn) : "";
    find(".told").textContent = words;
    if (!revealed) find(".show").focus();
  }

  /* ---------- what is shown ---------- */
  const shown = ({ originals, group }) =>
    originals.pictures.filter((_, i) => group === null || originals.reads[i][0] === group);
  const pointedAt = ({ originals, pointed, pinned }) => (originals ? (pointed ?? pinned) : null);

  function paintSheet(s) {
    const { originals, group, revealed, picked } = s;
    page.dataset.state = !s.digit ? "empty" : !originals ? "first" : "";
    find(".invite").hidden = Boolean(s.digit);
    find(".sheet").hidden = !s.digit;
    find(".empty-head").hidden = Boolean(s.digit);
    find(".say").hidden = !s.digit;
    for (const button of findAll(element, ".again, .show", HTMLButtonElement)) button.disabled = !originals;
    if (!originals) {
      for (const canvas of findAll(element, ".wall .px, .sheet canvas", HTMLCanvasElement))
        canvas.getContext("2d").clearRect(0, 0, 28, 28);
      for (const bar of findAll(element, ".vote")) paintVotes(bar, [], props.count, {});
      for (const text of findAll(element, ".rd, .why .text")) setHtml(text, html``);
      paintOdds(s);
      return;
    }
    const { pictures, reads } = originals;
    frames.forEach((frame, i) => {
      const distance = revealed && originals.hasReference ? psnr(pictures[i], originals.digit) : null;
      const note = distance === null ? undefined : decibels(distance);
      const words = reads[i] ? t("originals.wall.original", i + 1, props.count, reads[i][0], percent(reads[i][1])) : "";
      const far = note === undefined ? "" : t("originals.wall.farFrom", note);
      paintFrame(frame, pictures[i], reads[i], words + far, note);
      frame.classList.toggle("dim", group !== null && reads[i][0] !== group);
      frame.setAttribute("aria-pressed", String(i === picked));
    });
    paintDigit(find(".noisy .px", HTMLCanvasElement), originals.noisy);
    const some = shown(s);
    paintDigit(find(".average .px", HTMLCanvasElement), Uint8Array.from(average(some), Math.round));
    find(".average .of").textContent = t("originals.wall.averageOf", some.length);
    find(".average .px", HTMLCanvasElement).setAttribute("aria-label", t("originals.wall.averageOf", some.length));
    setHtml(find(".average .rd"), readingMarkup(group === null ? originals.averageReads : null));
    find(".answer").hidden = !originals.answer;
    if (originals.answer) paintDigit(find(".answer .px", HTMLCanvasElement), originals.answer);
    setHtml(find(".answer .rd"), readingMarkup(originals.answerReads));
    const drawn = revealed && originals.hasReference ? originals.digitReads?.[0] : null;
    for (const bar of findAll(element, ".vote"))
      paintVotes(bar, originals.votes, props.count, { pressed: group, drawn });
    setHtml(
      find(".why .text"),
      reasons(s, some.length).map((sentence) => html`<p>${sentence}</p>`),
    );
    paintOdds(s);
    paintTruth(s);
  }
  const decibels = (value) => (Number.isFinite(value) ? `${value.toFixed(1)} dB` : "∞ dB");

  function reasons({ originals, group, factor, isNoisyInput }, count) {
    if (group !== null) return [t("originals.wall.averageOfSome", count)];
    if (!isNoisyInput && factor === 0) return [t("originals.wall.noNoise")];
    const { pictures, votes, answerReads } = originals;
    if (doubt(pictures).filter((value) => value > 0.25).length < DOUBTFUL) return [t("originals.wall.agree")];
    const differ = [t("originals.wall.differ"), t("originals.wall.answerIsAverage")].join(" ");
    const other = answerReads && votes.find(([digit, number]) => digit !== answerReads[0] && number > 1);
    if (!other) return [differ];
    return [differ, t("originals.wall.reads", answerReads[0], other[1], other[0])];
  }

  /* how votes like these were on the test digits: only where that was measured */
  function paintOdds({ originals, kind, factor, isNoisyInput }) {
    const rows = isNoisyInput ? null : props.measured;
    const most = originals?.votes[0]?.[1];
    const right = most ? shareRight(rows, kind, factor, most / props.count, props.fewest) : null;
    for (const box of findAll(element, ".right")) box.classList.toggle("unknown", right === null);
    for (const odds of findAll(element, ".odds")) odds.textContent = right === null ? "" : percent(right);
    const row = nearest(rows, kind, factor);
    const line = find(".calibration");
    line.hidden = !row || !originals;
    if (!row) return;
    const [digits, at] = [row.digits.toLocaleString("en"), row.factor.toFixed(2)];
    const [accuracy, error] = [`${(100 * row.accuracy).toFixed(1)} %`, (100 * row.calibration_error).toFixed(1)];
    line.textContent = t("originals.wall.measured", digits, at, accuracy, error);
  }

  function paintTruth(s) {
    const { originals, revealed } = s;
    if (!originals) return;
    const at = pointedAt(s);
    const visible = revealed && originals.hasReference;
    const compares = visible && at !== null;
    find(".cover").hidden = visible;
    find(".cover .show").hidden = !originals.hasReference;
    find(".cover .none").hidden = originals.hasReference;
    find(".drawn .what").textContent = compares ? t("originals.wall.difference") : t("originals.wall.drawn");
    setHtml(
      find(".drawn .side"),
      compares
        ? html`<span class="legend"
            ><i style="background:var(--lost)"></i>${t("originals.wall.lost")}<i style="background:var(--added)"></i
            >${t("originals.wall.added")}</span
          >`
        : visible
          ? html`<button type="button" class="link hide">${t("originals.wall.hide")}</button>`
          : html``,
    );
    /** @type {HTMLElement | null} */
    const hide = element.querySelector(".drawn .hide");
    if (hide) hide.onclick = () => reveal(false);
    if (compares) paintDifference(find(".drawn .px", HTMLCanvasElement), originals.pictures[at], originals.digit);
    else paintDigit(find(".drawn .px", HTMLCanvasElement), visible ? originals.digit : null);
    find(".compare p").textContent = !originals.hasReference
      ? ""
      : !revealed
        ? t("originals.wall.hidden")
        : at === null
          ? t("originals.wall.tap")
          : t("originals.wall.distance", at + 1, decibels(psnr(originals.pictures[at], originals.digit)));
    const over = find(".over", HTMLCanvasElement).getContext("2d");
    over.clearRect(0, 0, OUTLINE, OUTLINE);
    frames.forEach((frame, i) => frame.classList.toggle("at", i === at));
    if (at === null) return;
    traceOutline(over, originals.pictures[at], OUTLINE);
    const reading = originals.reads[at];
    const colour = getComputedStyle(page).getPropertyValue(reading ? `--f${reading[0]}` : "--lum");
    over.lineCap = over.lineJoin = "round";
    Object.assign(over, { strokeStyle: `rgba(${themeColour("--film")},.8)`, lineWidth: 9 }).stroke();
    Object.assign(over, { strokeStyle: colour, lineWidth: 4 }).stroke();
  }

  function paintDifference(canvas, picture, digit) {
    const [film, lost, added] = ["--film", "--lost", "--added"].map(themeColour);
    paintDigit(canvas, picture, (i) => {
      const difference = (picture[i] - digit[i]) / 255;
      return toWord(mix(film, difference < 0 ? lost : added, Math.abs(difference) ** 0.7));
    });
  }

  /* the slider's film shows the noise alone until the drawing is revealed: else its left end gives the answer away */
  function paintFilms({ digit, originals, revealed, sweep }) {
    const lit = digit && originals && revealed && sweep;
    const pictures = lit
      ? Array.from({ length: NOISE_FACTORS.length }, (_, i) => sweep.picture(0, i))
      : noiseAlone(Boolean(digit));
    for (const canvas of findAll(element, ".film canvas", HTMLCanvasElement)) paintFilm(canvas, pictures);
  }
  function noiseAlone(lit) {
    if (!lit) return null;
    let seed = 9;
    const normal = () => {
      seed = (seed * 16807) % 2147483647;
      const u = seed / 2147483647;
      seed = (seed * 16807) % 2147483647;
      return Math.sqrt(-2 * Math.log(u)) * Math.cos((2 * Math.PI * seed) / 2147483647);
    };
    const field = Array.from({ length: 784 }, normal);
    return Array.from({ length: 21 }, (_, i) => Uint8ClampedArray.from(field, (v) => (255 * v * i) / 20));
  }

  /* ---------- others on their way: the twelve condense out of the noise ---------- */
  let condensing = 0;
  function condense(originals) {
    clearInterval(condensing);
    const last = originals.condensing[0]?.length ?? 0;
    let moment = 0;
    const step = () => {
      const done = moment >= last || state.originals !== originals;
      for (const [i, frame] of frames.entries()) {
        frame.classList.toggle("unread", !done);
        if (!done) paintDigit(frame.querySelector("canvas"), originals.condensing[i][moment]);
      }
      if (done) {
        clearInterval(condensing);
        if (last) paintSheet(state);
      }
      moment++;
    };
    if (!last) return;
    condensing = window.setInterval(step, MOMENT);
    step();
  }

  /* ---------- follow ---------- */
  on("originals group revealed picked theme digit nonDigit", paintSheet);
  on("pointed pinned", paintTruth);
  on("originals revealed theme digit sweep onOriginals", (s) => {
    if (s.onOriginals) paintFilms(s);
  });
  on("originals", ({ originals }) => {
    if (originals?.condensing[0]?.length) condense(originals);
  });
  on("factor", ({ factor }) => {
    const words = factor.toFixed(2);
    for (const output of findAll(element, ".factor")) output.textContent = words;
    for (const slider of findAll(element, ".film input", HTMLInputElement)) {
      slider.value = String(factor);
      slider.setAttribute("aria-valuetext", words);
    }
  });
  on("isNoisyInput", ({ isNoisyInput }) => {
    for (const part of findAll(element, ".noise .dial, .noise .film, .noise .ticks, .thumbbar .film, .thumbbar output"))
      part.classList.toggle("off", isNoisyInput);
    for (const slider of findAll(element, ".film input", HTMLInputElement)) slider.disabled = isNoisyInput;
  });
  let fading = 0;
  on("originals digit kind seed factor draw isNoisyInput offline waiting onOriginals", (s) => {
    clearTimeout(fading);
    const stale = isStale(s) || (s.originals !== null && s.waiting > 0);
    if (!stale) page.classList.remove("stale");
    else fading = window.setTimeout(() => page.classList.add("stale"), STALE);
    const gaussian = find(".calibration");
    if (!blocked(s) || !s.digit) return;
    gaussian.hidden = false;
    gaussian.textContent = t("originals.wall.gaussianOnly");
  });
}
