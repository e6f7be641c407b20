/* The drawing pad: strokes, not pixels. What it knows goes into the store; the board asks the server. */
const store = window.denoiser;
const find = selector => element.querySelector(selector);
const canvas = find(".paper canvas"), paper = find(".paper"), file = find("input[type=file]");
const context = canvas.getContext("2d");
const tools = Object.fromEntries([...element.querySelectorAll("[data-do]")].map(b => [b.dataset.do, b]));
const WIDTH = 0.056;      // of the pen, as a share of the pad
const STEP = 0.005;       // points closer than this say nothing new
const MOST_BYTES = 24e6;  // of an upload

/* ---------- paint ---------- */
function paintPaper(w) {
  const token = name => getComputedStyle(document.body).getPropertyValue(name).trim();
  context.clearRect(0, 0, w, w);
  context.fillStyle = context.strokeStyle = token("--paper-dot");
  const dot = Math.max(1, w * 0.003);
  for (let y = w / 12; y < w - 1; y += w / 12) for (let x = w / 12; x < w - 1; x += w / 12) context.fillRect(x - dot / 2, y - dot / 2, dot, dot);
  const a = w / 7, b = w - a, arm = w * 0.03;   // crop marks around the middle 20 of 28 pixels
  context.lineWidth = dot;
  context.beginPath();
  for (const [x, y, sx, sy] of [[a, a, 1, 1], [b, a, -1, 1], [a, b, 1, -1], [b, b, -1, -1]]) {
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
  const width = p => w * WIDTH * (p[3] ? 0.6 + 0.8 * p[3] : 1);
  if (!rest.length) {
    context.beginPath();
    context.arc(first[0] * w, first[1] * w, width(first) / 2, 0, 7);
    context.fill();
  }
  /* curves through the middles between points: smooth where points are far apart, true where they are near */
  let from = first, at = first;
  rest.forEach((to, i) => {
    const last = i === rest.length - 1, end = last ? to : [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
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

/* `until` seconds of the drawing, all of it without */
function paint(until = Infinity) {
  const w = canvas.width;
  if (!w) return;
  paintPaper(w);
  for (const stroke of store.state.strokes) {
    const part = stroke.filter(p => (p[2] ?? 0) <= until);
    if (part.length) paintStroke(part, w);
  }
}

function size() {
  const side = paper.clientWidth * (window.devicePixelRatio || 1);
  if (side && Math.round(side) !== canvas.width) canvas.width = canvas.height = Math.round(side);
  paint();
}
new ResizeObserver(size).observe(paper);

/* ---------- draw ---------- */
let pointer = null, start = 0;
function point(event) {
  const box = canvas.getBoundingClientRect();
  const clamp = v => Math.min(1, Math.max(0, v));
  const at = v => Math.round(clamp(v) * 1e4) / 1e4;
  return [
    at((event.clientX - box.left) / box.width), at((event.clientY - box.top) / box.height),
    Math.round(event.timeStamp - start) / 1000, event.pointerType === "pen" ? Math.round(event.pressure * 100) / 100 : 0,
  ];
}
canvas.onpointerdown = event => {
  if (pointer !== null || event.button > 0) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  const { strokes } = store.state;
  if (!strokes.length) start = event.timeStamp;
  else start = event.timeStamp - (strokes.at(-1).at(-1)[2] + 0.3) * 1000;
  store.ink({ strokes: [...strokes, [point(event)]], drawing: true });
};
canvas.onpointermove = event => {
  if (event.pointerId !== pointer) return;
  const stroke = store.state.strokes.at(-1);
  let grown = false;
  for (const e of event.getCoalescedEvents?.() ?? [event]) {
    const p = point(e), last = stroke.at(-1);
    if (Math.hypot(p[0] - last[0], p[1] - last[1]) > STEP) grown = stroke.push(p);
  }
  if (grown) store.ink({ strokes: store.state.strokes, drawing: true });
};
canvas.onpointerup = canvas.onpointercancel = event => {
  if (event.pointerId !== pointer) return;
  pointer = null;
  store.ink({ strokes: store.state.strokes, drawing: false, lifted: event.timeStamp });
};

/* ---------- tools ---------- */
const actions = {
  undo() {
    const { strokes, undone } = store.state;
    if (strokes.length) store.ink({ strokes: strokes.slice(0, -1), undone: [...undone, strokes.at(-1)] });
    else store.ink({});   // an uploaded picture goes at once
  },
  redo() {
    const { strokes, undone } = store.state;
    if (undone.length) store.ink({ strokes: [...strokes, undone.at(-1)], undone: undone.slice(0, -1) });
  },
  clear() {
    store.ink({ undone: [...store.state.strokes].reverse() });
    press(null);
  },
  replay() {
    const strokes = store.state.strokes, end = strokes.at(-1)?.at(-1)[2] ?? 0;
    if (!strokes.length || matchMedia("(prefers-reduced-motion:reduce)").matches) return;
    const began = performance.now(), speed = Math.max(1, end / 2.5);
    (function next() {
      const now = (performance.now() - began) / 1000 * speed;
      if (strokes !== store.state.strokes || pointer !== null) return;
      paint(now < end ? now : Infinity);
      if (now < end) requestAnimationFrame(next);
    })();
  },
  upload: () => file.click(),
  async paste() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find(t => t.startsWith("image/"));
        if (type) return read(await item.getType(type));
      }
      store.say("Nothing to paste yet. Copy a picture first.");
    } catch {
      store.say("The browser does not let the page read the clipboard. Press Ctrl+V instead.");
    }
  },
};
for (const [name, button] of Object.entries(tools)) button.onclick = actions[name];
canvas.onkeydown = event => {
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") { event.preventDefault(); actions[event.shiftKey ? "redo" : "undo"](); }
  else if ((event.ctrlKey || event.metaKey) && key === "y") { event.preventDefault(); actions.redo(); }
  else if (key === "delete" || key === "backspace") actions.clear();
  else if (/^\d$/.test(key)) example(key);
};

/* ---------- pictures: upload, paste, drag and drop ---------- */
async function read(blob) {
  if (blob.size > MOST_BYTES) return store.say("That file is larger than 24 MB. Try a smaller picture.");
  const content = await new Promise(done => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1] ?? "");
    reader.readAsDataURL(blob);
  });
  const reply = await store.ask(server.read_picture, { content });
  if (!reply) return;
  press(null);
  store.ink({ picture: reply.digit });
  if (reply.note) store.say(reply.note);
}
file.onchange = () => { if (file.files[0]) read(file.files[0]); file.value = ""; };
document.addEventListener("paste", event => {
  const item = [...(event.clipboardData?.items ?? [])].find(i => i.type.startsWith("image/"));
  if (item && element.isConnected) { event.preventDefault(); read(item.getAsFile()); }
});
let over = 0;
const hover = by => { over = Math.max(0, over + by); find(".drop").hidden = !over; };
paper.ondragenter = event => { event.preventDefault(); hover(1); };
paper.ondragleave = () => hover(-1);
paper.ondragover = event => event.preventDefault();
paper.ondrop = event => {
  event.preventDefault();
  hover(-over);
  const dropped = event.dataTransfer.files[0];
  if (dropped) read(dropped);
};

/* ---------- examples, and what is no digit ---------- */
const tray = find(".tray");
tray.innerHTML = props.examples.map(e => `<button type="button" data-name="${e.name}" aria-label="Example ${e.name}" aria-pressed="false"><canvas class="px" width="28" height="28"></canvas></button>`).join("");
const press = name => { for (const b of tray.children) b.setAttribute("aria-pressed", String(b.dataset.name === name)); };
function example(name) {
  const { strokes } = props.examples.find(e => e.name === name) ?? props.letter;
  store.ink({ strokes: structuredClone(strokes) });
  press(name);
}
tray.onclick = event => { const b = event.target.closest("button"); if (b) example(b.dataset.name); };
for (const button of element.querySelectorAll("[data-odd]")) button.onclick = () => {
  press(null);
  if (button.dataset.odd === "letter") example("letter");
  else store.ink({ odd: button.dataset.odd });
};

/* ---------- what the models see ---------- */
const seen = find(".sees > canvas");
function show({ digit, reading, odd }) {
  const lit = digit !== null && store.hasInk();
  seen.classList.toggle("unlit", !lit);
  store.paint(seen, lit ? digit : null);
  const words = odd ? (odd === "blank" ? "a blank page" : "pure noise") : reading ? "reads " : lit ? "your digit" : "waiting for ink";
  find(".what").textContent = words;
  if (lit && !odd && reading) find(".what").append(Object.assign(document.createElement("b"), { textContent: reading[0] }));
  find(".sure").textContent = lit && !odd && reading ? store.percent(reading[1]) : "28 × 28";
  seen.setAttribute("aria-label", lit ? `The fitted digit${reading && !odd ? `, reads ${reading[0]}` : ""}` : "empty");
}
store.on("digit reading odd version", show);
store.on("version", ({ strokes, undone, picture }) => {
  paper.classList.toggle("inked", store.hasInk());
  tools.undo.disabled = !strokes.length && !picture;
  tools.clear.disabled = !store.hasInk();
  tools.redo.disabled = !undone.length;
  tools.replay.disabled = !strokes.length;
  canvas.setAttribute("aria-label", store.hasInk() ? `Drawing pad, ${strokes.length || 1} ${strokes.length === 1 ? "stroke" : "strokes"}` : "Drawing pad, empty");
  if (pointer !== null || strokes.length <= 1) press(tray.querySelector("[aria-pressed=true]") && pointer === null ? tray.querySelector("[aria-pressed=true]").dataset.name : null);
  paint();
});
store.on("theme", () => {
  paint();
  show(store.state);
  for (const b of tray.children) store.paint(b.firstChild, store.bytes(props.examples.find(e => e.name === b.dataset.name).pixels));
});
