/* The drawing pad: strokes, not pixels. What is on it is in the store; the board asks the server. */
import { hasInk, redo, rememberDrawing, setDrawing, undo } from "../../shell/drawing.js";
import { findAll, finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { ask } from "../../shell/rpc.js";
import { on, state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";
import { takePicture } from "./camera.js";
import { mountExamples } from "./examples.js";
import { ghostInk, paintPaper, paintPicture, paintStroke } from "./paper.js";
import { mountPen } from "./pen.js";
import { mountPictureInput } from "./picture_input.js";
import { mountPreview, NON_DIGITS } from "./preview.js";

const MAX_REPLAY = 2.5; // seconds

/** What is on the pad, in words. */
function description({ strokes, nonDigit }) {
  if (!hasInk()) return t("denoise.pad.empty");
  if (nonDigit) return NON_DIGITS[nonDigit];
  if (!strokes.length) return t("denoise.pad.picture");
  return strokes.length === 1 ? t("denoise.pad.oneStroke") : t("denoise.pad.strokes", strokes.length);
}

/** @param {import("../../shell/mount.js").Context<{mnist: boolean, examples: string}>} context */
export function mount({ element, props, server }) {
  const find = finder(element);
  const paper = find(".paper");
  const canvas = find(".paper canvas", HTMLCanvasElement);
  const context = canvas.getContext("2d");
  const tools = Object.fromEntries(findAll(element, "[data-do]", HTMLButtonElement).map((b) => [b.dataset.do, b]));
  const isVisible = () => element.isConnected && paper.offsetParent !== null;
  const isTouch = matchMedia("(pointer:coarse)").matches;
  const examples = mountExamples(element, props.examples);
  const isPenDown = mountPen(canvas);
  const pictures = mountPictureInput(element, server, isVisible);
  mountPreview(element);

  /** Paint the drawing as it was after so many seconds, by default all of it. */
  function paint(until = Infinity) {
    const side = canvas.width;
    if (!side) return;
    paintPaper(context, side, !state.ghost);
    if (state.ghost) context.fillStyle = context.strokeStyle = ghostInk();
    for (const stroke of state.strokes) {
      const part = stroke.filter((point) => (point[2] ?? 0) <= until);
      if (part.length) paintStroke(context, part, side);
    }
    if (!state.strokes.length && hasInk() && state.digit) paintPicture(context, state.digit, side);
  }
  new ResizeObserver(() => {
    const side = Math.round(paper.clientWidth * (window.devicePixelRatio || 1));
    if (side && side !== canvas.width) canvas.width = canvas.height = side;
    paint();
  }).observe(paper);

  /* ---------- tools ---------- */
  let replayed = 0; // strokes shown by a replay in steps
  function replay() {
    const { strokes } = state;
    if (!strokes.length) return;
    if (matchMedia("(prefers-reduced-motion:reduce)").matches) {
      replayed = replayed < strokes.length ? replayed + 1 : 1; // one stroke more at each press
      return paint(strokes[replayed - 1].at(-1)[2] ?? 0);
    }
    const end = strokes.at(-1).at(-1)[2] ?? 0;
    const speed = Math.max(1, end / MAX_REPLAY);
    const began = performance.now();
    function next() {
      if (strokes !== state.strokes || isPenDown()) return;
      const seconds = ((performance.now() - began) / 1000) * speed;
      paint(seconds < end ? seconds : Infinity);
      if (seconds < end) requestAnimationFrame(next);
    }
    next();
  }
  const actions = {
    undo,
    redo,
    replay,
    clear() {
      rememberDrawing();
      setDrawing({});
      examples.press(null);
    },
    upload: () => find(".file").click(),
    paste: pictures.paste,
    async camera() {
      if (isTouch) return find(".photo").click(); // the phone's own camera
      const picture = await takePicture();
      if (picture) pictures.read(picture);
    },
    async mnist() {
      const reply = await ask(server.test_digit, {});
      if (!reply) return;
      rememberDrawing();
      setDrawing({ picture: reply.digit, label: reply.label });
      say(t("denoise.pad.mnistDigit", reply.place, reply.label));
    },
  };
  for (const [name, button] of Object.entries(tools)) button.onclick = actions[name];
  tools.mnist.hidden = !props.mnist;
  tools.camera.hidden = !isTouch && !navigator.mediaDevices;
  canvas.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") actions.clear();
    else if (/^\d$/.test(event.key)) examples.draw(event.key);
    else if (event.key === " ") event.preventDefault(); // no scrolling away from the pad
  };
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input[type=number], textarea");
    if (!(event.ctrlKey || event.metaKey) || !isVisible() || isTyping) return;
    const key = event.key.toLowerCase();
    const action = key === "z" ? (event.shiftKey ? redo : undo) : key === "y" ? redo : null;
    if (!action) return;
    event.preventDefault();
    action();
  });

  const own = find(".own");
  own.onclick = () => {
    setDrawing({});
    canvas.focus();
  };
  const more = find(".more");
  more.onclick = () => {
    const isOpen = more.closest(".rail").classList.toggle("open");
    more.setAttribute("aria-expanded", String(isOpen));
  };

  /* ---------- following the drawing ---------- */
  on("version past future", (s) => {
    paper.classList.toggle("inked", hasInk());
    paper.classList.toggle("ghost", s.ghost);
    own.hidden = !s.ghost;
    tools.undo.disabled = !s.past.length;
    tools.redo.disabled = !s.future.length;
    tools.clear.disabled = !hasInk();
    tools.replay.disabled = !s.strokes.length;
    const label = t("denoise.pad.label", description(s));
    canvas.setAttribute("aria-label", label);
    if (isPenDown() || s.picture) examples.press(null);
    replayed = 0;
    paint();
  });
  on("digit", ({ strokes }) => {
    if (!strokes.length) paint();
  });
  on("theme", () => paint());
}
