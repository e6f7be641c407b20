/* The drawing pad: strokes, not pixels. What it knows goes into the store; the board asks the server. */
import { fromBase64 } from "../shell/base64.js";
import { hasInk, redo, rememberDrawing, setDrawing, undo } from "../shell/drawing.js";
import { html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { percent } from "../shell/numbers.js";
import { paintDigit, SIDE, themeColour } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";
import { takePicture } from "./camera.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, props, server }) {
  const find = (selector) => element.querySelector(selector);
  const canvas = find(".paper canvas");
  const paper = find(".paper");
  const file = find(".file");
  const photo = find(".photo");
  const context = canvas.getContext("2d");
  const tools = Object.fromEntries([...element.querySelectorAll("[data-do]")].map((b) => [b.dataset.do, b]));
  const WIDTH = 0.056; // of the pen, as a share of the pad
  const STEP = 0.005; // points closer than this say nothing new
  const MOST_BYTES = 24e6; // of an upload

  /* ---------- paint ---------- */
  function paintPaper(w) {
    const token = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
    context.clearRect(0, 0, w, w);
    context.fillStyle = context.strokeStyle = token("--paper-dot");
    const dot = Math.max(1, w * 0.003);
    for (let y = w / 12; y < w - 1; y += w / 12)
      for (let x = w / 12; x < w - 1; x += w / 12) context.fillRect(x - dot / 2, y - dot / 2, dot, dot);
    const a = w / 7;
    const b = w - a;
    const arm = w * 0.03; // crop marks around the middle 20 of 28 pixels
    context.lineWidth = dot;
    context.beginPath();
    for (const [x, y, sx, sy] of [
      [a, a, 1, 1],
      [b, a, -1, 1],
      [a, b, 1, -1],
      [b, b, -1, -1],
    ]) {
      context.moveTo(x, y + sy * arm);
      context.lineTo(x, y);
      context.lineTo(x + sx * arm, y);
    }
    context.stroke();
    context.fillStyle = context.strokeStyle = token("--pad-ink");
  }

  function paintStroke(stroke, w) {
    context.lineCap = context.lineJoin = "round";
    const [first, ...rest] = stroke;
    const width = (p) => w * WIDTH * (p[3] ? 0.6 + 0.8 * p[3] : 1);
    if (!rest.length) {
      context.beginPath();
      context.arc(first[0] * w, first[1] * w, width(first) / 2, 0, 7);
      context.fill();
    }
    /* curves through the middles between points: smooth where points are far apart, true where they are near */
    let from = first;
    let at = first;
    rest.forEach((to, i) => {
      const last = i === rest.length - 1;
      const end = last ? to : [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
      context.lineWidth = (width(from) + width(to)) / 2;
      context.beginPath();
      context.moveTo(at[0] * w, at[1] * w);
      context.quadraticCurveTo(from[0] * w, from[1] * w, end[0] * w, end[1] * w);
      if (last && from === at) context.lineTo(end[0] * w, end[1] * w);
      context.stroke();
      from = to;
      at = end;
    });
  }

  /* a fitted picture has no strokes: it stands on the paper as the models see it, in the pad's ink */
  const fitted = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  function paintPicture(pixels, w) {
    const sheet = fitted.getContext("2d");
    const image = sheet.createImageData(SIDE, SIDE);
    const [r, g, b] = themeColour("--pad-ink");
    pixels.forEach((value, i) => image.data.set([r, g, b, value], 4 * i));
    sheet.putImageData(image, 0, 0);
    context.drawImage(fitted, 0, 0, w, w);
  }

  /* `until` seconds of the drawing, all of it without */
  function paint(until = Infinity) {
    const w = canvas.width;
    if (!w) return;
    paintPaper(w);
    for (const stroke of state.strokes) {
      const part = stroke.filter((p) => (p[2] ?? 0) <= until);
      if (part.length) paintStroke(part, w);
    }
    if (!state.strokes.length && hasInk() && state.digit) paintPicture(state.digit, w);
  }

  function size() {
    const side = paper.clientWidth * (window.devicePixelRatio || 1);
    if (side && Math.round(side) !== canvas.width) canvas.width = canvas.height = Math.round(side);
    paint();
  }
  new ResizeObserver(size).observe(paper);

  /* ---------- draw ---------- */
  let pointer = null;
  let start = 0;
  let stroke = null; // of the stroke under the pen
  function point(event) {
    const box = canvas.getBoundingClientRect();
    const clamp = (v) => Math.min(1, Math.max(0, v));
    const at = (v) => Math.round(clamp(v) * 1e4) / 1e4;
    return [
      at((event.clientX - box.left) / box.width),
      at((event.clientY - box.top) / box.height),
      Math.round(event.timeStamp - start) / 1000,
      event.pointerType === "pen" ? Math.round(event.pressure * 100) / 100 : 0,
    ];
  }
  canvas.onpointerdown = (event) => {
    if (pointer !== null || event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    const { strokes } = state;
    const end = strokes.at(-1)?.at(-1)[2] ?? 0;
    start = event.timeStamp - (strokes.length ? (end + 0.3) * 1000 : 0);
    stroke = [point(event)];
    rememberDrawing();
    setDrawing({ strokes: [...strokes, stroke], drawing: true });
  };
  /* an upload or an undo in the middle of a stroke ends it */
  const held = (event) => event.pointerId === pointer && state.strokes.at(-1) === stroke;
  canvas.onpointermove = (event) => {
    if (!held(event)) return;
    let grown = false;
    for (const e of event.getCoalescedEvents?.() ?? [event]) {
      const p = point(e);
      const last = stroke.at(-1);
      if (Math.hypot(p[0] - last[0], p[1] - last[1]) > STEP) grown = stroke.push(p);
    }
    if (grown) setDrawing({ strokes: state.strokes, drawing: true });
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (event.pointerId !== pointer) return;
    if (held(event)) setDrawing({ strokes: state.strokes, drawing: false, lifted: event.timeStamp });
    else set({ drawing: false, version: state.version + 1 });
    pointer = stroke = null;
  };

  /* ---------- tools ---------- */
  let told = 0; // strokes that a replay in steps has shown
  const finger = matchMedia("(pointer:coarse)").matches;
  const actions = {
    undo: undo,
    redo: redo,
    clear() {
      rememberDrawing();
      setDrawing({});
      press(null);
    },
    replay() {
      const strokes = state.strokes;
      const end = strokes.at(-1)?.at(-1)[2] ?? 0;
      if (!strokes.length) return;
      if (matchMedia("(prefers-reduced-motion:reduce)").matches) {
        // one stroke more at each press
        told = told < strokes.length ? told + 1 : 1;
        return paint(strokes[told - 1].at(-1)[2] ?? 0);
      }
      const began = performance.now();
      const speed = Math.max(1, end / 2.5);
      (function next() {
        const now = ((performance.now() - began) / 1000) * speed;
        if (strokes !== state.strokes || pointer !== null) return;
        paint(now < end ? now : Infinity);
        if (now < end) requestAnimationFrame(next);
      })();
    },
    upload: () => file.click(),
    async camera() {
      if (finger) return photo.click(); // the phone's own camera
      const picture = await takePicture();
      if (picture) read(picture);
    },
    async mnist() {
      const reply = await ask(server.test_digit, {});
      if (!reply) return;
      press(null);
      rememberDrawing();
      setDrawing({ picture: reply.digit, label: reply.label });
      say(t`MNIST test digit ${reply.place}, labelled ${reply.label}.`);
    },
    async paste() {
      try {
        for (const item of await navigator.clipboard.read()) {
          const type = item.types.find((kind) => kind.startsWith("image/"));
          if (type) return read(await item.getType(type));
        }
        say(t`Nothing to paste yet. Copy a picture first.`);
      } catch {
        say(t`The browser does not let the page read the clipboard. Press Ctrl+V instead.`);
      }
    },
  };
  for (const [name, button] of Object.entries(tools)) button.onclick = actions[name];
  tools.mnist.hidden = !props.mnist;
  tools.camera.hidden = !finger && !navigator.mediaDevices;
  canvas.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") actions.clear();
    else if (/^\d$/.test(event.key)) example(event.key);
    else if (event.key === " ") event.preventDefault(); // no scrolling away from the pad
  };
  const visible = () => element.isConnected && paper.offsetParent !== null;
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input[type=number], textarea");
    if (!(event.ctrlKey || event.metaKey) || !visible() || typing) return;
    const key = event.key.toLowerCase();
    const action = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : null;
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });

  /* ---------- pictures: upload, paste, drag and drop ---------- */
  async function read(blob) {
    if (blob.size > MOST_BYTES) return say(t`That file is larger than 24 MB. Try a smaller picture.`);
    const content = await new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(String(reader.result).split(",")[1] ?? "");
      reader.readAsDataURL(blob);
    });
    if (!(await fit(content))) return;
    press(null);
  }
  /* `uploaded` is the file behind the picture on the pad: a change of the switch frames it anew */
  let uploaded = null;
  async function fit(content) {
    const reply = await ask(server.read_picture, { content, already: state.already });
    if (!reply) return false;
    rememberDrawing();
    setDrawing({ picture: reply.digit });
    uploaded = { content, picture: reply.digit };
    return true;
  }
  let fitted_already = state.already;
  on("already", async (s) => {
    if (s.already === fitted_already) return;
    fitted_already = s.already;
    if (uploaded && uploaded.picture === s.picture && !(await fit(uploaded.content))) {
      fitted_already = !s.already; // it cannot be framed that way, so the picture and the switch stay as they were
      set({ already: fitted_already });
    }
  });
  for (const input of [file, photo])
    input.onchange = () => {
      if (input.files[0]) read(input.files[0]);
      input.value = "";
    };
  document.addEventListener("paste", (event) => {
    const item = [...(event.clipboardData?.items ?? [])].find((i) => i.type.startsWith("image/"));
    if (item && visible()) {
      event.preventDefault();
      read(item.getAsFile());
    }
  });
  /* a file may be dropped anywhere on the page: beside the pad the browser would open it and leave */
  let over = 0;
  const hover = (by) => {
    over = Math.max(0, over + by);
    find(".drop").hidden = !over || !visible();
  };
  document.addEventListener("dragenter", () => hover(1));
  document.addEventListener("dragleave", () => hover(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    hover(-over);
    const dropped = event.dataTransfer?.files[0];
    if (dropped && visible()) read(dropped);
  });

  /* ---------- examples, and what is no digit ---------- */
  const tray = find(".tray");
  setHtml(
    tray,
    props.examples.map(
      (e) =>
        html`<button type="button" data-name="${e.name}" aria-label="${t`Example ${e.name}`}" aria-pressed="false">
          <canvas class="px" width="28" height="28"></canvas>
        </button>`,
    ),
  );
  const press = (name) => {
    for (const b of tray.children) b.setAttribute("aria-pressed", String(b.dataset.name === name));
  };
  /* examples have places only: give them the time a hand takes, so that they replay and can be drawn on */
  function timed(strokes) {
    let seconds = -0.3;
    return strokes.map((points) => {
      seconds += 0.3;
      return points.map(([x, y], i) => {
        if (i) seconds += Math.hypot(x - points[i - 1][0], y - points[i - 1][1]) / 0.9;
        return [x, y, Math.round(seconds * 1000) / 1000, 0];
      });
    });
  }
  function example(name, odd = null) {
    const { strokes } = props.examples.find((e) => e.name === name) ?? props.letter;
    rememberDrawing();
    setDrawing({ strokes: timed(strokes), odd });
    press(name);
  }
  tray.onclick = (event) => {
    const b = event.target.closest("button");
    if (b) example(b.dataset.name);
  };
  for (const button of element.querySelectorAll("[data-odd]"))
    button.onclick = () => {
      press(null);
      if (button.dataset.odd === "letter") return example("letter", "letter");
      rememberDrawing();
      setDrawing({ odd: button.dataset.odd });
    };

  /* ---------- what the models see ---------- */
  const seen = find(".sees > canvas");
  const ODD = { letter: t`a letter`, blank: t`a blank page`, noise: t`pure noise` };
  function show({ digit, reading, odd, label }) {
    const lit = digit !== null && hasInk();
    seen.classList.toggle("unlit", !lit);
    paintDigit(seen, lit ? digit : null);
    find(".what").textContent = odd ? ODD[odd] : reading ? t`reads` : lit ? t`your digit` : t`waiting for ink`;
    if (lit && !odd && reading)
      find(".what").append(" ", Object.assign(document.createElement("b"), { textContent: reading[0] }));
    if (lit && label !== null) find(".what").append(t`, labelled ${label}`);
    find(".sure").textContent = lit && !odd && reading ? percent(reading[1]) : "28 × 28";
    seen.setAttribute(
      "aria-label",
      !lit
        ? t`What the models see: nothing yet`
        : odd
          ? t`What the models see: ${ODD[odd]}`
          : reading
            ? t`The fitted digit, reads ${reading[0]}`
            : t`The fitted digit`,
    );
  }
  on("digit reading odd version", show);
  on("version past future", ({ strokes, past, future, odd }) => {
    paper.classList.toggle("inked", hasInk());
    tools.undo.disabled = !past.length;
    tools.redo.disabled = !future.length;
    tools.clear.disabled = !hasInk();
    tools.replay.disabled = !strokes.length;
    const what = !hasInk()
      ? t`empty`
      : (ODD[odd] ??
        (!strokes.length ? t`a picture` : strokes.length === 1 ? t`1 stroke` : t`${strokes.length} strokes`));
    canvas.setAttribute("aria-label", t`Drawing pad, ${what}. Keys: 0 to 9 for an example, Delete to clear.`);
    if (pointer !== null) press(null);
    told = 0;
    paint();
  });
  on("digit", ({ strokes }) => {
    if (!strokes.length) paint();
  });
  on("theme", () => {
    paint();
    show(state);
    for (const b of tray.children)
      paintDigit(b.firstElementChild, fromBase64(props.examples.find((e) => e.name === b.dataset.name).pixels));
  });
}
