/* The visitor's digit with a part erased, and eight ways to complete it. */
import { toBase64 } from "../shell/base64.js";
import { findAll, finder } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { clamp, percent } from "../shell/numbers.js";
import { mix, PIXELS, SIDE, themeColour } from "../shell/pixels.js";
import { ask, newTicket } from "../shell/rpc.js";
import { on, state } from "../shell/store.js";
import { byVotes, countVotes } from "./figures.js";
import { split } from "./request.js";
import { traceBorder } from "./shapes.js";
import { buildSheet, paintFrame, paintVotes } from "./sheet.js";

const RADIUS = 2.4; // of the eraser, in pixels of the digit
const SIZE = 672; // pixels of the pad's canvas
const OVER = 392; // of the canvas above a completion
const PARTS = {
  left: (row, column) => column < 14,
  right: (row, column) => column >= 14,
  top: (row) => row < 14,
  bottom: (row) => row >= 14,
  middle: (row, column) => row >= 9 && row < 19 && column >= 7 && column < 21,
};
const HATCH = ["#20262a", "#39424a"]; // what is erased: ground and stripes

/** @param {import("../shell/mount.js").Context<{count: number}>} context */
export function mount({ element, props, server }) {
  const find = finder(element);
  const canvas = find(".pad canvas", HTMLCanvasElement);
  const ring = find(".ring");
  const frames = buildSheet(find(".sheet"), props.count);
  for (const frame of frames)
    frame.append(Object.assign(document.createElement("canvas"), { width: OVER, height: OVER, className: "over" }));
  const ticket = newTicket();
  let mask = new Uint8Array(PIXELS);
  /** @type {Uint8Array[]} */
  let past = [];
  let isBox = false;
  /** @type {[number, number]} */
  let cursor = [14, 14];
  /** @type {{from: [number, number], before: Uint8Array} | null} */
  let drag = null;
  /** @type {{pictures: Uint8Array[], reads: import("./figures.js").Reading[], mask: Uint8Array} | null} */
  let completions = null;
  let drawnFor = "";

  /* ---------- the pad ---------- */
  const anything = () => mask.some((value) => value > 0);
  function paintPad() {
    const { digit } = state;
    const context = canvas.getContext("2d");
    const scale = SIZE / SIDE;
    const [film, light] = ["--film", "--lum"].map(themeColour);
    /** @returns {[number, number, number, number]} */
    const square = (i) => [(i % SIDE) * scale, Math.floor(i / SIDE) * scale, scale, scale];
    context.fillStyle = `rgb(${film})`;
    context.fillRect(0, 0, SIZE, SIZE);
    for (let i = 0; digit && i < PIXELS; i++) {
      if (mask[i] || !digit[i]) continue;
      context.fillStyle = `rgb(${mix(film, light, digit[i] / 255)})`;
      context.fillRect(...square(i));
    }
    context.save();
    context.beginPath();
    for (let i = 0; i < PIXELS; i++) if (mask[i]) context.rect(...square(i));
    context.clip();
    context.fillStyle = HATCH[0];
    context.fillRect(0, 0, SIZE, SIZE);
    context.beginPath();
    for (let x = -SIZE; x < SIZE; x += 16) {
      context.moveTo(x, SIZE);
      context.lineTo(x + SIZE, 0);
    }
    Object.assign(context, { strokeStyle: HATCH[1], lineWidth: 2 }).stroke();
    context.restore();
    dotted(context, mask, SIZE, 0.8);
    const share = Math.round((100 * mask.reduce((sum, value) => sum + value, 0)) / PIXELS);
    find(".erased").textContent = anything()
      ? t("originals.eraser.erased", share)
      : t("originals.eraser.nothingErased");
    find(".undo", HTMLButtonElement).disabled = !past.length;
    find(".restore", HTMLButtonElement).disabled = !anything();
    for (const input of findAll(element, ".masks input", HTMLInputElement))
      input.checked = partMask(input.value).every((value, i) => value === mask[i]);
  }
  function dotted(context, area, size, opacity) {
    const light = themeColour("--lum");
    traceBorder(context, area, size);
    context.setLineDash([3, 4]);
    Object.assign(context, { strokeStyle: `rgba(${light},${opacity})`, lineWidth: 2 }).stroke();
    context.setLineDash([]);
  }
  const partMask = (name) =>
    Uint8Array.from({ length: PIXELS }, (_, i) => Number(PARTS[name](Math.floor(i / SIDE), i % SIDE)));

  /* ---------- what is erased ---------- */
  function rub(area, [x, y]) {
    for (let i = 0; i < PIXELS; i++)
      if (((i % SIDE) + 0.5 - x) ** 2 + (Math.floor(i / SIDE) + 0.5 - y) ** 2 <= RADIUS ** 2) area[i] = 1;
    return area;
  }
  function box(area, from, to) {
    const range = (k) => [Math.floor(Math.min(from[k], to[k])), Math.floor(Math.max(from[k], to[k]))];
    const [[left, right], [top, bottom]] = [range(0), range(1)];
    for (let i = 0; i < PIXELS; i++) {
      const [row, column] = [Math.floor(i / SIDE), i % SIDE];
      if (column >= left && column <= right && row >= top && row <= bottom) area[i] = 1;
    }
    return area;
  }
  function change(next, undoable = true) {
    if (undoable) past.push(mask);
    mask = next;
    paintPad();
    complete();
  }
  function restore() {
    past = [];
    mask = new Uint8Array(PIXELS);
    completions = null;
    paintPad();
    paintCompletions();
  }

  /* ---------- completions ---------- */
  async function complete() {
    const asked = mask;
    paintCompletions();
    if (!anything() || !state.digit || !state.onOriginals) return;
    const reply = await ask(
      server.complete,
      () =>
        state.digit && mask === asked
          ? { picture: toBase64(state.digit), erased: toBase64(mask), draw: state.draw }
          : null,
      ticket,
    );
    if (!reply || mask !== asked) return;
    const drawn = split(reply.pictures);
    const order = reply.reads ? byVotes(reply.reads) : drawn.map((_, i) => i);
    completions = {
      pictures: order.map((i) => drawn[i]),
      reads: reply.reads ? order.map((i) => reply.reads[i]) : [],
      mask: asked,
    };
    paintCompletions();
  }
  function paintCompletions() {
    const list = find(".sheet");
    const fresh = completions?.mask === mask;
    list.classList.toggle("stale", completions !== null && !fresh);
    list.classList.toggle("blank", completions === null);
    find(".hint").hidden = completions !== null || anything();
    find(".vote").hidden = !fresh || !completions.reads.length;
    if (!completions) {
      for (const part of list.querySelectorAll("canvas"))
        part.getContext("2d").clearRect(0, 0, part.width, part.height);
      return;
    }
    const { pictures, reads } = completions;
    paintVotes(find(".vote"), countVotes(reads), props.count);
    frames.forEach((frame, i) => {
      const words = reads[i]
        ? t("originals.eraser.completion", i + 1, props.count, reads[i][0], percent(reads[i][1]))
        : "";
      paintFrame(frame, pictures[i], reads[i], words);
      const context = finder(frame)(".over", HTMLCanvasElement).getContext("2d");
      context.clearRect(0, 0, OVER, OVER);
      dotted(context, completions.mask, OVER, 1);
    });
  }

  /* ---------- hands ---------- */
  /** @returns {[number, number]} */
  const position = (event) => {
    const area = canvas.getBoundingClientRect();
    return [((event.clientX - area.left) / area.width) * SIDE, ((event.clientY - area.top) / area.height) * SIDE];
  };
  function showRing([x, y]) {
    const scale = canvas.clientWidth / SIDE;
    ring.hidden = isBox;
    const size = 2 * RADIUS * scale;
    Object.assign(ring.style, {
      left: `${x * scale}px`,
      top: `${y * scale}px`,
      width: `${size}px`,
      height: `${size}px`,
    });
  }
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag = { from: position(event), before: mask };
    past.push(mask);
    mask = isBox ? box(mask.slice(), drag.from, drag.from) : rub(mask.slice(), drag.from);
    paintPad();
  };
  canvas.onpointermove = (event) => {
    const to = position(event);
    showRing(to);
    if (!drag) return;
    mask = isBox ? box(drag.before.slice(), drag.from, to) : rub(mask.slice(), to);
    paintPad();
    paintCompletions();
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (drag) complete();
    drag = null;
  };
  canvas.onpointerleave = canvas.onblur = () => {
    ring.hidden = true;
  };
  canvas.onfocus = () => {
    if (canvas.matches(":focus-visible")) showRing(cursor);
  };
  canvas.onkeydown = (event) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (way) cursor = /** @type {[number, number]} */ (cursor.map((value, k) => clamp(value + way[k], 0, SIDE)));
    else if (event.key !== " ") return;
    event.preventDefault();
    showRing(cursor);
    if (!way) change(rub(mask.slice(), cursor));
  };
  const choose = (withBox) => {
    isBox = withBox;
    find(".brush").setAttribute("aria-pressed", String(!isBox));
    find(".box").setAttribute("aria-pressed", String(isBox));
  };
  find(".brush").onclick = () => choose(false);
  find(".box").onclick = () => choose(true);
  find(".undo").onclick = () => past.length && change(past.pop(), false);
  find(".restore").onclick = () => change(new Uint8Array(PIXELS));
  find(".masks").onchange = ({ target }) => change(partMask(/** @type {HTMLInputElement} */ (target).value));

  /* ---------- another digit begins whole ---------- */
  on("digit", ({ digit }) => {
    const about = digit ? digit.join() : "";
    if (about === drawnFor) return;
    drawnFor = about;
    restore();
  });
  on("theme", () => {
    paintPad();
    paintCompletions();
  });
}
