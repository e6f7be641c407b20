/* The strip between two pins: a straight line at once from the atlas, then every frame exactly from the server. */
const store = window.denoiser;
const $ = selector => element.querySelector(selector);
const STEPS = 13, FRAME = 130;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const strip = $(".frames");
strip.innerHTML = '<li><button type="button"><canvas class="px" width="28" height="28" aria-hidden="true"></canvas><span></span></button></li>'.repeat(STEPS);
const frames = [...strip.children].map(li => ({ button: li.firstChild, canvas: li.querySelector("canvas"), words: li.querySelector("span") }));
let along = false;

function caption(i, reading) {
  const best = reading ? reading.indexOf(Math.max(...reading)) : -1;
  frames[i].words.innerHTML = reading ? `<b>${best}</b>${Math.round(reading[best] * 100)} %` : "&nbsp;";
  frames[i].button.setAttribute("aria-label", `Frame ${i + 1} of ${STEPS}${reading ? `, reads ${best}` : ""}`);
}

/* ---------- the way ---------- */

let asking = false, again = false;
function preview() {
  const { chart, pins } = store.state;
  if (!chart || !pins) return;
  ends();
  if (!along) {
    const route = Array.from({ length: STEPS }, (_, i) => [0, 1].map(k => pins.a[k] + (pins.b[k] - pins.a[k]) * i / (STEPS - 1)));
    route.forEach((z, i) => { store.paint(frames[i].canvas, chart.decode(z)); caption(i, chart.readings(z)); });
    store.set({ route });
  }
  fetchExact();
}
async function fetchExact() {   // one question at a time, the last one always asked
  if (asking) { again = true; return; }
  asking = true;
  const asked = request(), reply = await store.ask(server.morph, asked);
  asking = false;
  if (again) { again = false; fetchExact(); }
  if (!reply || JSON.stringify(asked) !== JSON.stringify(request())) return;
  reply.pictures.forEach((picture, i) => { store.paint(frames[i].canvas, store.bytes(picture)); caption(i, reply.readings[i]); });
  store.set({ route: reply.places });
}
const request = () => ({ name: store.state.chart.name, ...store.state.pins, along });
$(".path").onchange = event => { along = event.target.value === "data"; preview(); };

/* ---------- its ends: a place on the map, the visitor's digit, or a class ---------- */

const choices = { a: $(".a"), b: $(".b") };
function offer() {
  const { chart, own } = store.state;
  if (!chart) return;
  const options = [["pin", "pin"], ...(own ? [["own", "your drawing"]] : []), ...(chart.codes ? chart.codes.centres.map((_, c) => [c, `${c}`]) : [])];
  for (const select of Object.values(choices)) {
    const { value } = select;
    select.innerHTML = options.map(([v, text]) => `<option value="${v}">${text}</option>`).join("");
    select.value = options.some(([v]) => `${v}` === value) ? value : "pin";
  }
  element.querySelectorAll(".along").forEach(label => { label.hidden = !chart.codes; });
  ends();
}
const meant = value => {
  const { own, chart } = store.state;
  return value === "own" ? own?.mu[0] : chart.codes?.centres[value];
};
function ends() {   // a pin that was dragged is no longer at the place its list names
  for (const [name, select] of Object.entries(choices)) {
    const { pins, chart } = store.state, at = pins?.[name];
    if (!at || !chart) continue;
    const same = z => z && z[0] === at[0] && z[1] === at[1];
    if (!same(meant(select.value))) select.value = [...select.options].map(o => o.value).find(v => v !== "pin" && same(meant(v))) ?? "pin";
  }
}
for (const [name, select] of Object.entries(choices))
  select.onchange = () => { const z = meant(select.value); if (z) store.set({ pins: { ...store.state.pins, [name]: z } }); };

/* ---------- frames ---------- */

const pick = frame => { if (frame !== (store.state.frame ?? null)) store.set({ frame }); };
frames.forEach(({ button }, i) => {
  button.onpointerenter = button.onfocus = button.onclick = () => { stop(); pick(i); };
  button.onpointerleave = event => { if (event.pointerType === "mouse") pick(null); };
  button.onblur = () => pick(null);
});
let timer = 0;
const stop = () => { clearInterval(timer); timer = 0; };
$(".play").onclick = () => {
  stop();
  if (calm.matches) {   // one frame for each press
    const next = (store.state.frame ?? -1) + 1;
    return pick(next < STEPS ? next : null);
  }
  let step = 0;
  timer = setInterval(() => {   // there and back
    const frame = step < STEPS ? step : 2 * STEPS - 2 - step;
    if (frame < 0) { stop(); return pick(null); }
    pick(frame);
    frames[frame].button.parentElement.parentElement.scrollLeft = frame * 96 - strip.clientWidth / 2;
    step++;
  }, FRAME);
};
store.on("frame", ({ frame }) => frames.forEach(({ button }, i) => button.classList.toggle("on", i === frame)));

element.querySelectorAll(".save").forEach(button => {
  button.onclick = async () => {
    if (!store.state.chart) return;
    const { kind } = button.dataset, reply = await store.ask(server.film, { ...request(), kind });
    if (!reply) return;
    const content = URL.createObjectURL(new Blob([store.bytes(reply.content)], { type: reply.type }));
    store.download(content, `morph-${request().name}.${kind}`);
    setTimeout(() => URL.revokeObjectURL(content), 10000);
  };
});

store.on("chart own", offer);
store.on("pins theme", preview);
