/* A dream as a film: from noise to digit, to play, to scrub, and to go on differently from any step. */
import { toBase64 } from "../shell/base64.js";
import { findAll, finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { calm, labelPlay, playLabel } from "../shell/motion.js";
import { newSeed, percent } from "../shell/numbers.js";
import { paintDigit } from "../shell/pixels.js";
import { ask, newTicket } from "../shell/rpc.js";
import { on } from "../shell/store.js";
import { split } from "./request.js";
import { paintFilm, tile } from "./shapes.js";
import { readingMarkup } from "./sheet.js";

const FRAME = 130; // milliseconds of a step of the film
const WIDE = 700; // pixels from which on every step has its frame
const LARGE = 1000; // pixels from which on frames are large
const FIRST_STEP = 6; // that is shown of the first dream
const PLAY = "M6.500 4.500v11l9-5.500z";
const PAUSE = "M7 4.500v11M13 4.500v11";

/** @param {import("../shell/mount.js").Context<{steps: number, first: number}>} context */
export function mount({ element, props, server }) {
  const find = finder(element);
  const slider = element.querySelector("input");
  const tree = find(".tree");
  const tickets = { dream: newTicket(), fork: newTicket() };
  /** @type {{states: Uint8Array[], guesses: Uint8Array[], reads: [number, number][] | null} | null} */
  let dream = null;
  /** @type {{step: number, strips: Uint8Array[][], reads: [number, number][] | null} | null} */
  let forks = null;
  let step = 0;
  let timer = 0;

  /* ---------- the film ---------- */
  const filmWidth = () => find(".film").clientWidth;
  const frameSide = () => (filmWidth() >= LARGE ? 56 : 28);
  const stride = () => (filmWidth() >= WIDE ? 1 : 2);
  function paintAll() {
    const side = frameSide();
    find(".film").style.setProperty("--frame", `${side}px`);
    paintFilm(
      find(".film canvas", HTMLCanvasElement),
      dream && dream.states.filter((_, i) => i % stride() === 0),
      side,
    );
    for (const button of findAll(element, ".acts button", HTMLButtonElement)) button.disabled = !dream;
    slider.disabled = !dream;
    paintStep();
    paintForks();
  }
  function paintStep() {
    find(".big").textContent = String(step);
    slider.value = String(step);
    slider.setAttribute("aria-valuetext", t("originals.dream.stepOf", step, props.steps));
    paintDigit(find(".state .px", HTMLCanvasElement), dream && dream.states[step]);
    paintDigit(find(".guess .px", HTMLCanvasElement), dream && dream.guesses[step]);
    setHtml(find(".guess .rd"), readingMarkup(dream?.reads?.[step] ?? null));
    find(".fork", HTMLButtonElement).disabled = !dream || step >= props.steps;
  }

  /* ---------- other ends hang below the frame they left ---------- */
  function paintForks() {
    const width = filmWidth();
    tree.hidden = !forks;
    if (!forks || !width) return;
    const side = frameSide();
    const gap = side === 56 ? 16 : 12;
    const frames = props.steps / stride();
    const pitch = (width - side) / frames;
    const from = forks.step / stride();
    const trunk = Math.round(from * pitch + side / 2);
    const left = Math.round((Math.floor(from) + 1) * pitch);
    const rows = forks.strips.map((_, row) => gap + row * (side + gap));
    const branch = (y, row) =>
      `M${trunk} ${row ? rows[row - 1] + side / 2 : -6}V${y + side / 2}H${Math.max(trunk, left - 1)}`;
    const words = ([digit, probability], y) =>
      html`<span class="r" style="left:${trunk - 12}px;top:${y + side / 2}px"
        ><i class="swatch" style="--c:var(--k${digit})"></i>${digit}<small>${percent(probability)}</small></span
      >`;
    const labels = trunk > 60 && forks.reads ? forks.reads.map((read, row) => words(read, rows[row])) : [];
    const caption =
      trunk > 230
        ? html`<p class="caption o" style="top:${gap + side / 2 - 9}px">
            ${t("originals.dream.otherEnds", forks.step)}
          </p>`
        : html``;
    setHtml(tree, html`<svg aria-hidden="true"><path d="${rows.map(branch).join("")}" /></svg>${labels}${caption}`);
    tree.style.height = `${rows.length * (side + gap) + gap}px`;
    const ends = forks.reads?.map(([digit]) => digit).join(t("common.comma")) ?? "";
    tree.setAttribute("aria-label", t("originals.dream.otherEnds", forks.step) + (ends && `: ${ends}`));
    forks.strips.forEach((strip, row) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: width - left, height: side });
      Object.assign(canvas.style, {
        left: `${left}px`,
        top: `${rows[row]}px`,
        width: `${width - left}px`,
        height: `${side}px`,
      });
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      strip.forEach((picture, i) => {
        const at = (forks.step + 1 + i) / stride();
        if (Number.isInteger(at)) context.drawImage(tile(picture), Math.round(at * pitch) - left, 0, side, side);
      });
      tree.append(canvas);
    });
  }

  /* ---------- playing ---------- */
  function play(on) {
    clearInterval(timer);
    timer = 0;
    if (on && calm.matches) step = step >= props.steps ? 0 : step + 1;
    else if (on) {
      if (step >= props.steps) step = 0;
      timer = window.setInterval(() => {
        if (step >= props.steps) return play(false);
        step++;
        paintStep();
      }, FRAME);
    }
    paintStep();
    find(".play path", SVGPathElement).setAttribute("d", timer ? PAUSE : PLAY);
    find(".play span").textContent = timer ? t("originals.dream.pause") : playLabel(t("common.play"));
  }
  labelPlay(find(".play"), t("common.play"));
  find(".play").onclick = () => play(!timer);
  slider.oninput = () => {
    step = Number(slider.value); // read before anything is painted
    play(false);
    paintStep();
  };

  /* ---------- dreaming ---------- */
  async function startDream(seed) {
    element.classList.add("waiting");
    const reply = await ask(server.dream, { draw: seed }, tickets.dream);
    element.classList.remove("waiting");
    if (!reply) return false;
    dream = { states: split(reply.states), guesses: split(reply.guesses), reads: reply.reads };
    forks = null;
    return true;
  }
  find(".new").onclick = async () => {
    play(false);
    if (!(await startDream(newSeed()))) return;
    step = 0;
    paintAll();
    play(true);
  };
  find(".fork").onclick = async () => {
    play(false);
    const [at, about] = [step, dream];
    const request = { guess: toBase64(dream.guesses[at]), step: at, draw: newSeed() };
    const reply = await ask(server.fork, request, tickets.fork);
    if (!reply || dream !== about) return;
    forks = { step: at, strips: reply.states.map(split), reads: reply.reads };
    paintForks();
  };

  /* the first dream is the same for everybody, and asked for when it is looked at */
  let begun = false;
  new IntersectionObserver(
    async (entries) => {
      if (!entries.at(-1).isIntersecting || begun) return;
      begun = true;
      if (await startDream(props.first)) step = FIRST_STEP;
      else begun = false;
      paintAll();
    },
    { rootMargin: "300px" },
  ).observe(element);
  on("theme onOriginals", paintAll);
  new ResizeObserver(paintAll).observe(find(".film"));
}
