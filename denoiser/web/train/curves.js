/* The loss on the training digits and on those held out, over the seconds; a line marks the moment that is looked at. */
import { t } from "../shell/i18n.js";
import { on, set, state } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, props }) {
  const $ = (selector) => element.querySelector(selector);
  const canvas = $("canvas");
  const context = canvas.getContext("2d");
  const LEFT = 4;
  const RIGHT = 46;
  const TOP = 8;
  const BOTTOM = 24;
  const figure = (v) => (v >= 10 ? v.toFixed(1) : v.toFixed(4));

  function ticks(low, high) {
    // on a log scale: 1, 2, 5 and their tenfolds; between close ends every place that reads well
    const list = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
      for (const k of [1, 1.5, 2, 3, 5, 7]) {
        const tick = k * 10 ** p;
        if (tick >= low && tick <= high) list.push(tick);
      }
    return list;
  }
  function draw() {
    const { moments, at, trained } = state;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const ratio = devicePixelRatio;
    if (!width) return;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(document.body);
    const token = (name) => style.getPropertyValue(name).trim();
    const colour = token(`--${trained?.family ?? "dense"}`);
    element.style.setProperty("--c", colour);
    const values = moments.flatMap((m) => [m.train, m.validation]).filter((v) => v > 0);
    let low = Math.min(...values);
    let high = Math.max(...values);
    if (!values.length) [low, high] = [0.1, 0.7];
    const pad = (high / low) ** 0.05 || 1;
    [low, high] = [low / pad, Math.max(high * pad, low * 1.1)];
    const end = Math.max(5, moments.at(-1)?.seconds ?? 0);
    const x = (s) => LEFT + (s / end) * (width - LEFT - RIGHT);
    const y = (v) => TOP + (Math.log(high / v) / Math.log(high / low)) * (height - TOP - BOTTOM);
    context.font = `12px ${style.getPropertyValue("--type")}`;
    context.fillStyle = token("--ink-3");
    context.strokeStyle = token("--line");
    context.lineWidth = 1;
    context.textAlign = "left";
    let above = -Infinity;
    for (const tick of ticks(low, high).reverse()) {
      const place = Math.round(y(tick)) + 0.5;
      if (place - above < 22) continue;
      above = place;
      context.beginPath();
      context.moveTo(LEFT, place);
      context.lineTo(width - RIGHT, place);
      context.stroke();
      if (moments.length) context.fillText(String(+tick.toPrecision(2)), width - RIGHT + 8, place + 4);
    }
    const step = [1, 2, 5, 10, 20].find((s) => end / s <= 7);
    for (let s = 0; s <= end; s += step) {
      context.textAlign = s === 0 ? "left" : "center";
      context.fillText(s === 0 ? "0 s" : s, x(s), height - 6);
    }
    const line = (key, weight, dash) => {
      context.beginPath();
      moments.forEach((m, i) => {
        if (m[key] > 0) context[i ? "lineTo" : "moveTo"](x(m.seconds), y(m[key]));
      });
      Object.assign(context, { strokeStyle: colour, lineWidth: weight, lineJoin: "round" });
      context.setLineDash(dash);
      context.stroke();
      context.setLineDash([]);
    };
    line("train", 1, [3, 3]);
    line("validation", 2, []);
    const moment = moments[at];
    for (const key of ["train", "validation"]) $(`.${key} b`).textContent = moment ? figure(moment[key]) : "–";
    if (moment && at < moments.length - 1) {
      context.strokeStyle = token("--edge");
      context.lineWidth = 1;
      const place = Math.round(x(moment.seconds)) + 0.5;
      context.beginPath();
      context.moveTo(place, TOP);
      context.lineTo(place, height - BOTTOM);
      context.stroke();
    }
    if (moment) {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x(moment.seconds), y(moment.validation), 4, 0, 7);
      context.fill();
    }
    const [begin, now] = [moments[0], moments.at(-1)];
    canvas.setAttribute(
      "aria-label",
      now
        ? t`Loss over ${now.seconds.toFixed(0)} s: train from ${figure(begin.train)} to ${figure(now.train)}, validation from ${figure(begin.validation)} to ${figure(now.validation)}. Arrow keys go from moment to moment.`
        : t`Learning curves: nothing yet`,
    );
  }
  on("moments at theme", draw);
  on("trained", ({ trained }) => {
    $(".unit").textContent = trained
      ? props.losses[trained.loss]
          .filter(Boolean)
          .map((word) => t(word))
          .join(t`, `)
      : "";
  });
  new ResizeObserver(draw).observe(canvas);

  /* ---------- pointer and keys go to a moment ---------- */
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    const { moments } = state;
    if (
      moments.length < 2 ||
      (event.type === "pointermove" && event.pointerType === "mouse" && state.lesson !== "idle" && !event.buttons)
    )
      return;
    const box = canvas.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    const seconds = share * Math.max(5, moments.at(-1).seconds);
    set({
      at: moments.reduce(
        (near, m, i) => (Math.abs(m.seconds - seconds) < Math.abs(moments[near].seconds - seconds) ? i : near),
        0,
      ),
    });
  };
  canvas.onkeydown = (event) => {
    const { moments, at } = state;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: moments.length - 1 }[event.key];
    if (to === undefined || !moments.length) return;
    event.preventDefault();
    set({ at: Math.max(0, Math.min(moments.length - 1, to)) });
  };
}
