/* The loss on the training digits and on those held out, over the seconds; a line marks the snapshot that is shown. */
import { LOSS_TITLES } from "../shell/constants.js";
import { finder } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { clamp } from "../shell/numbers.js";
import { on, set, state } from "../shell/store.js";
import { decadeTicks } from "./ticks.js";

const LEFT = 4;
const RIGHT = 46;
const TOP = 8;
const BOTTOM = 24;
const SHORTEST = 5; // seconds that the chart shows at least
const TICK_DISTANCE = 22; // pixels between two ticks at least
const MANTISSAS = [1, 1.5, 2, 3, 5, 7];

const write = (loss) => loss.toFixed(loss >= 10 ? 1 : 4);
const endOf = (snapshots) => Math.max(SHORTEST, snapshots.at(-1)?.seconds ?? 0);

/** The lowest and the highest loss of the axis. */
function rangeOf(snapshots) {
  const values = snapshots.flatMap(({ train, validation }) => [train, validation]).filter((value) => value > 0);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0.1, 0.7];
  const pad = (high / low) ** 0.05 || 1;
  return [low / pad, Math.max(high * pad, low * 1.1)];
}

/** The chart in words. */
function description(snapshots) {
  if (!snapshots.length) return t("train.curves.nothingYet");
  const [first, last] = [snapshots[0], snapshots.at(-1)];
  const train = [first, last].map((snapshot) => write(snapshot.train));
  const validation = [first, last].map((snapshot) => write(snapshot.validation));
  return t("train.curves.label", last.seconds.toFixed(0), train[0], train[1], validation[0], validation[1]);
}

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  const canvas = element.querySelector("canvas");
  const context = canvas.getContext("2d");

  function stroke(points) {
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
  function drawAxes({ x, y, low, high, width, height }, token, snapshots) {
    context.fillStyle = token("--ink-3");
    context.strokeStyle = token("--line");
    context.lineWidth = 1;
    context.textAlign = "left";
    let previous = -Infinity;
    for (const tick of decadeTicks(low, high, MANTISSAS).reverse()) {
      const level = Math.round(y(tick)) + 0.5;
      if (level - previous < TICK_DISTANCE) continue;
      previous = level;
      stroke([
        [LEFT, level],
        [width - RIGHT, level],
      ]);
      if (snapshots.length) context.fillText(String(+tick.toPrecision(2)), width - RIGHT + 8, level + 4);
    }
    const end = endOf(snapshots);
    const step = [1, 2, 5, 10, 20].find((seconds) => end / seconds <= 7);
    for (let seconds = 0; seconds <= end; seconds += step) {
      context.textAlign = seconds === 0 ? "left" : "center";
      context.fillText(seconds === 0 ? "0 s" : String(seconds), x(seconds), height - 6);
    }
  }
  function drawCurves({ x, y }, colour, snapshots) {
    const curve = (key, lineWidth, dash) => {
      Object.assign(context, { strokeStyle: colour, lineWidth, lineJoin: "round" });
      context.setLineDash(dash);
      stroke(snapshots.filter((s) => s[key] > 0).map((s) => [x(s.seconds), y(s[key])]));
      context.setLineDash([]);
    };
    curve("train", 1, [3, 3]);
    curve("validation", 2, []);
  }
  function drawMark({ x, y, height }, colour, edge, shown, isLatest) {
    if (!isLatest) {
      const left = Math.round(x(shown.seconds)) + 0.5;
      Object.assign(context, { strokeStyle: edge, lineWidth: 1 });
      stroke([
        [left, TOP],
        [left, height - BOTTOM],
      ]);
    }
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x(shown.seconds), y(shown.validation), 4, 0, 7);
    context.fill();
  }
  function draw() {
    const { snapshots, snapshotIndex, trainingSettings } = state;
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio;
    if (!width) return;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(document.body);
    const token = (name) => style.getPropertyValue(name).trim();
    const colour = token(`--${trainingSettings?.family ?? "dense"}`);
    element.style.setProperty("--c", colour);
    context.font = `12px ${token("--type")}`;
    const [low, high] = rangeOf(snapshots);
    const end = endOf(snapshots);
    const scales = {
      low,
      high,
      width,
      height,
      x: (seconds) => LEFT + (seconds / end) * (width - LEFT - RIGHT),
      y: (loss) => TOP + (Math.log(high / loss) / Math.log(high / low)) * (height - TOP - BOTTOM),
    };
    drawAxes(scales, token, snapshots);
    drawCurves(scales, colour, snapshots);
    const shown = snapshots[snapshotIndex];
    for (const key of ["train", "validation"]) find(`.${key} b`).textContent = shown ? write(shown[key]) : "–";
    if (shown) drawMark(scales, colour, token("--edge"), shown, snapshotIndex === snapshots.length - 1);
    canvas.setAttribute("aria-label", description(snapshots));
  }
  on("snapshots snapshotIndex theme", draw);
  on("trainingSettings", ({ trainingSettings }) => {
    const title = trainingSettings ? LOSS_TITLES[trainingSettings.loss] : [];
    find(".unit").textContent = title.filter(Boolean).map(localize).join(t("common.comma"));
  });
  new ResizeObserver(draw).observe(canvas);

  /* the pointer and the arrow keys choose a snapshot; while a training runs, a mouse only with its button down */
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    const { snapshots, trainingState } = state;
    const isHover = event.type === "pointermove" && event.pointerType === "mouse" && !event.buttons;
    if (snapshots.length < 2 || (isHover && trainingState !== "idle")) return;
    const box = canvas.getBoundingClientRect();
    const seconds = ((event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT)) * endOf(snapshots);
    const distance = (i) => Math.abs(snapshots[i].seconds - seconds);
    set({ snapshotIndex: snapshots.reduce((near, _, i) => (distance(i) < distance(near) ? i : near), 0) });
  };
  canvas.onkeydown = (event) => {
    const { snapshots, snapshotIndex } = state;
    const last = snapshots.length - 1;
    const targets = { ArrowLeft: snapshotIndex - 1, ArrowRight: snapshotIndex + 1, Home: 0, End: last };
    if (!(event.key in targets) || last < 0) return;
    event.preventDefault();
    set({ snapshotIndex: clamp(targets[event.key], 0, last) });
  };
}
