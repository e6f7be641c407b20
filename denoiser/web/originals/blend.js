/* The straight line from the average to an original: what it gains in sharpness it loses in PSNR. Everything but the
   readings is counted here. */
import { toBase64 } from "../shell/base64.js";
import { finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { paintDigit, PIXELS } from "../shell/pixels.js";
import { ask, newTicket } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { average, blend, psnr, sharpness } from "./figures.js";
import { isStale } from "./request.js";
import { paintFilm } from "./shapes.js";
import { readingMarkup } from "./sheet.js";

const CONFIDENT = 0.6; // from here on a reading counts as sure
const FIRST = 7; // of the steps
const REST = 300; // milliseconds until the readings are asked for
const HEIGHT = 96; // of the curves
const MARGIN = 14; // half a frame of the film below

/** @param {import("../shell/mount.js").Context<{steps: number, sharpness: number}>} context */
export function mount({ element, props, server }) {
  const find = finder(element);
  const film = find(".film canvas", HTMLCanvasElement);
  const slider = element.querySelector("input");
  const last = props.steps - 1;
  const ticket = newTicket();
  let step = FIRST;
  let seen = false;
  let timer = 0;
  let asked = "";
  /** @type {{reads: import("./figures.js").Reading[][]} | null}  of each step, of each original */
  let readings = null;
  /** @type {{psnr: number, sharpness: number}[]}  of each step, meaned over the originals */
  let curve = [];

  const picture = (number, at) => {
    const { pictures } = state.originals;
    return Uint8Array.from(blend(average(pictures), pictures[number], at / last), Math.round);
  };
  const steps = () => Array.from({ length: props.steps }, (_, at) => at);

  function measure() {
    const { originals } = state;
    if (!originals) return;
    const { pictures, digit, hasReference } = originals;
    const mean = average(pictures);
    curve = steps().map((at) => {
      const blends = pictures.map((original) => blend(mean, original, at / last));
      const over = (figure) => blends.reduce((sum, each) => sum + figure(each), 0) / blends.length;
      return {
        psnr: hasReference ? over((each) => psnr(each, digit)) : NaN,
        sharpness: over(sharpness) / props.sharpness,
      };
    });
    paintAll();
  }
  function paintAll() {
    const { originals, picked } = state;
    if (!originals || !curve.length) return;
    paintFilm(
      film,
      steps().map((at) => picture(picked, at)),
    );
    paint();
  }
  function paint() {
    const { originals, picked } = state;
    if (!originals || !curve.length) return;
    paintDigit(find(".this .px", HTMLCanvasElement), picture(picked, step));
    setHtml(find(".this .rd"), readingMarkup(readings?.reads[step][picked] ?? null));
    const { psnr: closeness, sharpness: sharp } = curve[step];
    const db = Number.isFinite(closeness) ? closeness.toFixed(1) : "–";
    setHtml(find(".psnr"), html`${db} <small>dB</small>`);
    find(".sharp").textContent = `${Math.round(100 * sharp)} %`;
    const sure = readings?.reads[step].filter(([, probability]) => probability > CONFIDENT).length ?? "–";
    setHtml(find(".surely"), html`${sure} <small>${t("originals.blend.ofTwelve")}</small>`);
    find(".which").textContent = t("originals.blend.towards", picked + 1, originals.pictures.length);
    slider.value = String(step);
    slider.setAttribute("aria-valuetext", `${Math.round((100 * step) / last)} %`);
    paintCurves();
  }
  function paintCurves() {
    const svg = find(".curves", SVGElement);
    const width = svg.clientWidth;
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const x = (at) => MARGIN + ((width - 2 * MARGIN) * at) / last;
    const scale = (key) => {
      const values = curve.map((each) => each[key]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return (at) => HEIGHT - 10 - ((HEIGHT - 34) * (values[at] - low)) / Math.max(high - low, 1e-6);
    };
    const lines = [
      { key: "psnr", name: "PSNR", at: 0, anchor: "start", dash: "none" },
      { key: "sharpness", name: t("common.sharpness"), at: last, anchor: "end", dash: "7 3" },
    ].filter(({ key }) => curve.every((each) => Number.isFinite(each[key])));
    const drawn = lines.map(({ key, name, at, anchor, dash }) => {
      const y = scale(key);
      const path = steps().map((i) => `${x(i).toFixed(1)} ${y(i).toFixed(1)}`);
      return html`<path d="M${path.join("L")}" stroke-dasharray="${dash}" /><text
          x="${x(at)}"
          y="${y(at) - 10}"
          text-anchor="${anchor}"
          >${name}</text
        ><circle cx="${x(step)}" cy="${y(step)}" r="5" />`;
    });
    const ground = html`<line
      class="ground"
      x1="${MARGIN}"
      x2="${width - MARGIN}"
      y1="${HEIGHT - 0.5}"
      y2="${HEIGHT - 0.5}"
    />`;
    const hair = html`<line x1="${x(step)}" x2="${x(step)}" y1="6" y2="${HEIGHT + 14}" />`;
    setHtml(svg, html`${ground}${hair}${drawn}`);
  }

  /* ---------- what is read in the blends, once they are looked at ---------- */
  function follow() {
    clearTimeout(timer);
    const { originals } = state;
    if (!originals || originals.asked === asked || !seen) return;
    timer = window.setTimeout(askReadings, REST);
  }
  async function askReadings() {
    if (!state.originals || isStale(state)) return follow();
    const { pictures, asked: about } = state.originals;
    const bytes = new Uint8Array(pictures.length * PIXELS);
    pictures.forEach((each, i) => bytes.set(each, i * PIXELS));
    asked = about;
    const reply = await ask(server.blends, { pictures: toBase64(bytes) }, ticket);
    if (!reply?.reads || state.originals?.asked !== about) return;
    readings = reply;
    paint();
  }
  new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    follow();
  }).observe(element);

  slider.oninput = () => {
    step = Number(slider.value);
    paint();
  };
  const go = (by) => {
    const count = state.originals?.pictures.length;
    if (count) set({ picked: (state.picked + by + count) % count });
  };
  find(".previous").onclick = () => go(-1);
  find(".next").onclick = () => go(1);
  on("originals", () => {
    readings = state.originals?.asked === asked ? readings : null;
    measure();
    follow();
  });
  on("picked theme onOriginals", paintAll);
  new ResizeObserver(paintAll).observe(film);
}
