/* One card per model: the same drawing, the same noise. Asks the server twice after each stroke: first the noise
   factor at hand, then the whole ladder; from then on the slider is answered from the ladder. */
const store = window.denoiser, { N, M, t } = store;
const list = element.querySelector(".cards");
const SAVE = '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 4v9M6.500 10 10 13.500 13.500 10M4 16.500h12"/></svg>';
const noisy = { name: "noisy", label: t`Noisy`, detail: t`do nothing`, family: "noisy", trained: null, colour: "var(--noisy)" };
const GONE = t`its file is missing or damaged`, BROKEN = t`failed on the server`;
let rows = [], cards = [];

/* ---------- which models: their order stays, whatever the order of choosing ---------- */
const choice = element.querySelector(".choose"), most = props.most;
let boxes = [];
const everyone = () => [...store.state.yours, ...props.models];   // where a new card is seen at once
function offer() {
  choice.querySelector(".list").innerHTML = everyone().map(m => `
  <label style="--c:var(--${m.family})"><input type="checkbox" value="${m.name}"><i class="swatch"></i><b>${m.name}</b><span>${t(m.title)}</span></label>`).join("") + props.missing.map(m => `
  <label><input type="checkbox" value="${m.name}" disabled><i></i><b>${m.name}</b><span>${GONE}</span></label>`).join("");
  boxes = [...choice.querySelectorAll("input")];
}
offer();
/* one colour per family; within it shade and dash tell models apart */
const DASH = { dense: [7, 3], vae: [2, 3], filter: [9, 3, 2, 3], recurrent: [12, 4] };
const SHADES = [f => `var(--${f})`, f => `color-mix(in oklab, var(--${f}), var(--ink) 45%)`, f => `color-mix(in oklab, var(--${f}), var(--bg) 30%)`];
function choose(names) {
  const shown = everyone().filter(m => names.includes(m.name)), seen = {};
  store.set({ shown: shown.map(m => {
    const label = t(m.label), alone = shown.filter(other => other.label === m.label).length === 1;
    const nth = seen[m.family] = (seen[m.family] ?? -1) + 1;
    const dash = DASH[m.family] ?? (nth ? [14, 2] : []);
    return { ...m, short: label, label: alone ? label : m.name, detail: alone ? m.name : "",
      colour: SHADES[nth % SHADES.length](m.family), dash: dash.map(v => v * [1, 0.55, 1.7][nth % 3]).join(" ") };
  }) });
}
choice.onchange = event => {
  const names = boxes.filter(box => box.checked).map(box => box.value);
  if (!names.length || names.length > most) {
    event.target.checked = !event.target.checked;
    store.say(names.length ? t`At most ${most} models stand side by side. Take one away first.` : t`One model has to stay.`);
  } else choose(names);
};
document.addEventListener("pointerdown", event => { if (!choice.contains(event.target)) choice.open = false; });
choice.onkeydown = event => {
  if (event.key !== "Escape") return;
  choice.open = false;
  choice.querySelector("summary").focus();
};

/* ---------- built once per choice, then only updated ---------- */
function build({ shown }) {
  for (const box of boxes) box.checked = shown.some(m => m.name === box.value);
  rows = [noisy, ...shown];
  list.innerHTML = rows.map(row => `
    <li class="card" data-name="${row.name}" style="--c:${row.colour}">
      <div class="name">${row === noisy ? `<span><i class="swatch"></i>${row.label}<small>${row.detail}</small></span>`
        : `<button type="button" class="about" title="${t`About ${row.name}: how it is built and trained`}"><i class="swatch"></i>${row.label}<small>${row.detail}</small></button>`}<em>${t`best`}</em></div>
      <div class="shot"><canvas class="px" width="28" height="28" role="img"></canvas><b class="divider"></b><button type="button" class="save" aria-label="${t`Save the picture of ${row.label}`}" title="${t`Save this picture`}">${SAVE}</button></div>
      <div class="figures"><span>PSNR <b class="psnr"></b> <u>dB</u></span><span>SSIM <b class="ssim"></b></span></div>
      <div class="reads"><span class="digit"></span><span class="sure"></span></div>
      <div class="meter"><i></i></div>
      <div class="note"></div>
    </li>`).join("") + props.missing.filter(m => m.featured).map(m => `
    <li class="card missing"><div class="name"><span>${t(m.label)}<small>${m.name}</small></span></div>
      <canvas class="px unlit" width="28" height="28" role="img" aria-label="${m.name}: ${GONE}"></canvas>
      <div class="note">${GONE}</div></li>`).join("");
  cards = [...list.querySelectorAll(".card:not(.missing)")].map(card => ({ card, canvas: card.querySelector("canvas"), divider: card.querySelector(".divider"),
    ...Object.fromEntries(["psnr", "ssim", "digit", "sure", "note"].map(c => [c, card.querySelector(`.${c}`)])), meter: card.querySelector(".meter i") }));
  /* one divider for all cards: the first one's can be reached by keyboard */
  const handle = cards[0].divider;
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": t`Divider between noisy and denoised`, "aria-valuemin": 0, "aria-valuemax": 100 })) handle.setAttribute(name, value);
}
const here = name => props.models.some(m => m.name === name), unknown = store.state.wanted.filter(name => !here(name));
const wanted = store.state.wanted.filter(here).slice(0, most);
if (unknown.length) store.say(t`That link asks for models that are not here: ${unknown.slice(0, 3).join(t`, `).slice(0, 90)}.`);
choose(wanted.length ? wanted : props.featured);
store.on("shown", build);

/* ---------- the visitor's own: a new one stands on the board at once, one that the server forgot leaves it ---------- */
let known = [];
store.on("yours", ({ yours, shown }) => {
  const there = yours.map(m => m.name), before = known;
  if (there.join() === before.join()) return;
  known = there;
  offer();
  const names = shown.map(m => m.name).filter(name => !before.includes(name) || there.includes(name));
  const fresh = there.filter(name => !before.includes(name)), kept = names.slice(0, most - fresh.length);
  choose([...kept, ...fresh].length ? [...kept, ...fresh] : props.featured);
});
function forget(gone) {
  store.set({ yours: store.state.yours.filter(m => !gone.includes(m.name)) });
  store.say(t`The server no longer has the network you trained. The others are still here.`);
}

/* ---------- ask ---------- */
/* what the answer depends on; an answer to an older question is thrown away */
const names = s => s.shown.map(m => m.name);
const question = s => `${s.version}/${s.kind}/${s.seed}/${names(s)}${s.already ? "/already" : ""}`;

/* the server's answer: `picture(row, i)` are the bytes of a row at its i-th factor, null where `broken[row]`: its model failed */
function read(reply, asked) {
  const pixels = store.bytes(reply.pictures), count = reply.factors.length;
  const broken = reply.names.map(name => reply.failed.includes(name));
  return { ...reply, asked, broken, picture: (row, i) => broken[row] ? null : pixels.subarray((row * count + i) * M, (row * count + i + 1) * M) };
}
const ink = s => s.picture !== null ? { picture: s.picture } : s.strokes.length ? { strokes: s.strokes } : { odd: s.odd };
const own = s => Object.fromEntries(s.shown.filter(m => m.own).map(m => [m.name, m.own]));
const request = (s, factors) => ({ ...ink(s), already: s.already, kind: s.kind, seed: s.seed, models: names(s), own: own(s), factors });

/* one question to the server as it stands when it is put: while others are first it may become another one */
const place = store.place();   // ours in the server's line; who asks anew in it takes back what was asked before
async function put(ladder, mine) {
  let asked = "", drawing = false;
  const reply = await store.ask(server.compare, () => {
    const s = store.state;
    if (asking !== mine || !store.hasInk() || (ladder && s.drawing)) return null;
    [asked, drawing] = [question(s), s.drawing];
    return request(s, ladder ? null : [s.factor]);
  }, place);
  return { reply, asked, drawing };
}

const RETRY = 2000;   // milliseconds
let asking = null;    // {ladder: the question whose ladder is asked for}, or {} for cards
async function refresh() {
  /* of the cards an older answer is better than none; a ladder of another drawing is not */
  if (asking && (!asking.ladder || asking.ladder === question(store.state))) return;
  const mine = asking = {};
  try {
    for (let s = store.state; store.hasInk(); ) {
      const now = question(s);
      if (s.ladder?.asked === now) break;
      const cards = s.now?.asked !== now || (s.now.factors[0] !== s.factor && !s.already);
      if (!cards && (s.drawing || s.already)) break;
      mine.ladder = cards ? null : now;
      const { reply, asked, drawing } = await put(!cards, mine);
      if (asking !== mine) return;   // a newer question is on its way
      const stale = question(s) !== asked;
      /* a refusal of what is no longer asked says nothing about what is */
      if (!reply) { if (s.offline || !stale) break; else continue; }
      if (reply.gone.length) { forget(reply.gone); continue; }
      if (!store.hasInk()) break;
      if (!cards && !stale) store.set({ ladder: read(reply, asked) });
      /* while the pen moves a slightly older picture is better than none */
      if (cards && (!stale || drawing)) store.set({ now: read(reply, asked), digit: store.bytes(reply.digit), reading: reply.reading });
      if (!stale && s.lifted && !drawing) measure(cards ? "cards" : "ladder", s.lifted);
    }
  } finally {
    if (asking === mine) asking = null;
    if (store.state.offline) setTimeout(refresh, RETRY);
  }
}
addEventListener("online", refresh);
/* for the benchmark: milliseconds from pen-up to what is shown */
function measure(name, since) {
  performance.measure(`denoiser:${name}`, { start: since, end: performance.now() });
}
store.on("version kind seed shown already", s => {
  if (!store.hasInk()) store.set({ now: null, ladder: null, digit: null, reading: null });
  else if (s.ladder && s.ladder.asked !== question(s)) store.set({ ladder: null });
  refresh();
});
store.on("factor", s => { if (s.ladder?.asked !== question(s)) refresh(); });

/* ---------- show ---------- */
const word = (parent, ...parts) => parent.replaceChildren(...parts.map(p => typeof p === "string" ? p : Object.assign(document.createElement(p.tag), p)));
let shades = null;
function difference(picture, digit) {
  shades ??= ["--film", "--lost", "--added"].map(store.colour);
  const [film, lost, added] = shades;
  return i => {
    const d = (picture[i] - digit[i]) / 255, to = d < 0 ? lost : added, amount = Math.abs(d) ** 0.6;
    const [r, g, b] = film.map((c, k) => Math.round(c + (to[k] - c) * amount));
    return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  };
}
function halves(picture, other, place) {
  const edge = Math.round(place * N);
  return i => store.grey(i % N < edge ? other[i] : picture[i]);
}

function note(row, factor, kind, odd) {
  if (odd) return odd !== "letter" && row.family === "noisy" ? t`no reference` : t`there was no digit`;
  if (!row.trained) return "";
  const [low, high] = row.trained;
  if (high === 0) return factor > 0 ? t`trained on clean digits` : "";
  if (factor > 0 && !row.noise.includes(kind)) return t`trained on ${row.noise.map(name => t(props.kinds[name])).join(t`, `)} only`;
  return factor < low - 0.25 || factor > high + 0.25 ? low === high ? t`trained at ${low.toFixed(2)}` : t`trained at ${low} to ${high}` : "";
}

function show() {
  const s = store.state, { factor, view, digit, odd } = s;
  const inked = store.hasInk();
  const useful = s.ladder?.asked === question(s) ? s.ladder : s.now;
  /* an answer for another choice of models has other rows */
  const answer = inked && useful?.names.join() === rows.map(r => r.name).join() ? useful : null;
  /* an answer to an older question, or for another factor, is shown as what it is: dimmed, until the new one comes */
  const found = answer && !s.already ? answer.factors.findIndex(f => Math.abs(f - factor) < 1e-6) : 0, step = Math.max(0, found);
  list.classList.toggle("stale", (s.offline || s.waiting > 0) && answer !== null && (found < 0 || answer.asked !== question(s)));
  const figures = answer?.psnr;
  const places = figures ? rows.map((_, row) => answer.broken[row] ? -Infinity : figures[row][step] ?? Infinity) : [];
  const best = figures ? places.indexOf(Math.max(...places)) : -1;
  list.dataset.view = view;
  rows.forEach((row, r) => {
    const { card, canvas, divider, psnr, ssim, digit: says, sure, note: line, meter } = cards[r];
    const picture = answer?.picture(r, step) ?? null, broken = answer?.broken[r];
    canvas.classList.toggle("unlit", !picture);
    if (!picture || !digit) store.paint(canvas, picture);
    else if (view === "difference" && figures) store.paint(canvas, picture, difference(picture, digit));
    else if (view === "wipe") store.paint(canvas, picture, halves(picture, r ? answer.picture(0, step) : digit, s.wipe));
    else store.paint(canvas, picture);
    divider.style.left = `${s.wipe * 100}%`;
    if (!r) divider.setAttribute("aria-valuenow", Math.round(s.wipe * 100));
    card.classList.toggle("best", r === best);
    psnr.textContent = figures && !broken ? db(figures[r][step]) : "–";
    ssim.textContent = figures && !broken ? answer.ssim[r][step].toFixed(2) : "–";
    const [reads, p] = broken ? [] : answer?.reads?.[r][step] ?? [];
    const wrong = reads !== undefined && figures && !odd && answer.reading && reads !== answer.reading[0];
    word(says, t`reads`, " ", ...(reads === undefined ? ["–"] : [{ tag: "b", textContent: reads }, ...(wrong ? [{ tag: "span", className: "wrong", textContent: t`not ${answer.reading[0]}` }] : [])]));
    sure.textContent = reads === undefined ? "" : store.percent(p);
    meter.style.transform = `scaleX(${reads === undefined ? 0 : p})`;
    line.textContent = broken ? BROKEN : answer && !s.already ? note(row, factor, s.kind, odd) : "";
    const what = broken ? `${row.label}: ${BROKEN}` : !answer ? t`${row.label}, empty` : s.already ? row.label : t`${row.label} at noise factor ${answer.factors[step].toFixed(2)}`;
    canvas.setAttribute("aria-label", reads === undefined ? what : t`${what}: reads ${reads}, ${store.percent(p)}`);
  });
  const dial = document.querySelector("#factor .noisy");
  if (dial) dial.textContent = figures ? t`noisy input ${db(figures[0][step])} dB` : "\u00a0";
}
const db = v => v === null ? "∞" : v.toFixed(1);
store.on("now ladder factor view wipe theme version shown offline waiting", show);
store.on("theme", () => { shades = null; show(); });

/* what came of a stroke, read aloud once its ladder is there */
const status = element.querySelector("[role=status]");
store.on("ladder", ({ ladder, factor, odd }) => {
  if (!ladder?.psnr || !ladder.reading || odd || ladder.names.length !== rows.length) return;
  const step = Math.round(factor * 20), figures = rows.map((_, r) => ladder.broken[r] ? -Infinity : ladder.psnr[r][step] ?? Infinity), best = figures.indexOf(Math.max(...figures));
  const wrong = rows.filter((_, r) => !ladder.broken[r] && ladder.reads[r][step][0] !== ladder.reading[0]).map(row => row.label);
  status.textContent = t`At noise factor ${factor.toFixed(2)} the best is ${rows[best].label}, ${db(ladder.psnr[best][step])} dB.` + " " +
    (wrong.length ? t`Read as another digit: ${wrong.join(t`, `)}.` : t`All are read as ${ladder.reading[0]}.`);
});

/* ---------- the wipe follows the pointer over any card, and the arrow keys ---------- */
list.addEventListener("pointermove", event => {
  const shot = event.target.closest(".shot");
  if (!shot || store.state.view !== "wipe") return;
  const box = shot.getBoundingClientRect();
  wipe((event.clientX - box.left) / box.width);
});
const wipe = place => store.set({ wipe: Math.min(1, Math.max(0, place)) });
const WAYS = { ArrowLeft: -1 / N, ArrowDown: -1 / N, ArrowRight: 1 / N, ArrowUp: 1 / N, PageDown: -0.25, PageUp: 0.25, Home: -1, End: 1 };
list.addEventListener("keydown", event => {
  if (!event.target.matches(".divider") || !(event.key in WAYS)) return;
  event.preventDefault();
  wipe(store.state.wipe + WAYS[event.key]);
});

/* ---------- what leaves the page: one card's picture, or the whole board as one ---------- */
const conditions = ({ already, kind, factor, seed }) => already ? "already-noisy" : `${kind}-${factor.toFixed(2)}-${seed}`;
const dark = () => cards[0].canvas.classList.contains("unlit");
const sheet = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
list.addEventListener("click", event => {
  const card = event.target.closest(".card"), row = rows[[...list.children].indexOf(card)];
  if (event.target.closest(".about")) {
    if (row.own) return store.open("train");
    store.set({ model: row.name });
    store.open("models");
  }
  if (!event.target.closest(".save") || dark()) return;
  const large = sheet(N * 10, N * 10), context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(card.querySelector("canvas"), 0, 0, large.width, large.height);
  store.download(large.toDataURL("image/png"), `${row.name}-${conditions(store.state)}.png`);
});
function whole() {
  const side = 168, gap = 16, top = 44, across = Math.min(6, rows.length), down = Math.ceil(rows.length / across), height = side + 78;
  const canvas = sheet(gap + across * (side + gap), top + down * height), context = canvas.getContext("2d");
  const style = getComputedStyle(document.body), token = name => style.getPropertyValue(name).trim();
  const write = (text, x, y, font, colour) => { context.font = `${font} 'Source Sans 3', system-ui, sans-serif`; context.fillStyle = colour; context.fillText(text, x, y, side); };
  context.fillStyle = token("--bg");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  const { already, kind, factor, seed } = store.state;
  context.font = "14px sans-serif";
  context.fillStyle = token("--ink-2");
  context.fillText(already ? t`noisy already` : t`${t(props.kinds[kind])} noise, factor ${factor.toFixed(2)}, seed ${seed}`, gap, 26);
  cards.forEach(({ card, canvas: shot, psnr, ssim, digit, sure }, i) => {
    const x = gap + i % across * (side + gap), y = top + Math.floor(i / across) * height;
    context.fillStyle = getComputedStyle(card.querySelector(".swatch")).backgroundColor;
    context.fillRect(x, y + 2, 10, 10);
    write(rows[i].label, x + 16, y + 12, "600 14px", token("--ink"));
    context.drawImage(shot, x, y + 20, side, side);
    write(already ? "" : `${psnr.textContent} dB, SSIM ${ssim.textContent}`, x, y + side + 38, "13px", token("--ink-2"));
    write(`${digit.textContent} ${sure.textContent}`, x, y + side + 56, "13px", token("--ink-2"));
  });
  return canvas;
}
element.querySelector(".copy").onclick = async () => {
  if (dark()) return store.say(t`Nothing is there to copy yet. Draw a digit first.`);
  const canvas = whole(), blob = await new Promise(done => canvas.toBlob(done));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    store.say(t`Picture copied: all cards as one.`);
  } catch {
    store.download(canvas.toDataURL("image/png"), `denoiser-${conditions(store.state)}.png`);
    store.say(t`Picture saved: this browser lets no page copy one.`);
  }
};
