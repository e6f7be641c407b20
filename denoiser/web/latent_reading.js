/* What lies under the pointer, at once from the atlas and exactly on rest; and where the visitor's digit lands. */
const store = window.denoiser;
const $ = selector => element.querySelector(selector);
const REST = 60;   // ms without a move
const signed = v => (v < 0 ? "−" : "") + Math.abs(v).toFixed(2);
const normalDistribution = x => {   // Abramowitz and Stegun 26.2.17
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = 0.3989423 * Math.exp(-x * x / 2) * t * (0.3193815 + t * (-0.3565638 + t * (1.781478 + t * (-1.821256 + t * 1.330274))));
  return x > 0 ? 1 - tail : tail;
};

/* ---------- the reading ---------- */

const big = $(".big"), bars = $(".bars"), chip = $(".state");
if (props.referee) bars.innerHTML = Array.from({ length: 10 }, (_, c) => `<li style="--c:var(--k${c})"><span>${c}</span><i></i><em></em></li>`).join("");
else $(".reading").classList.add("alone");
const rows = [...bars.children].map(li => ({ li, bar: li.children[1], value: li.children[2] }));

function place() {
  const { point, route, frame, own, drift = 0 } = store.state;
  if (point) return { z: point.z, title: point.by === "sample" ? "Drawn from the prior" : "Under the pointer" };
  if (route && frame != null) return { z: route[frame], title: "On the way from A to B" };
  if (own) return { z: own.at(drift).mu, title: drift > 0 ? "Your drawing with noise, decoded" : "Your drawing, decoded" };
  return null;
}
let timer = 0, asked = 0;
function show() {
  const { chart, point } = store.state, here = place();
  clearTimeout(timer);
  asked++;
  chip.hidden = !here;
  big.classList.toggle("unlit", !here || !chart);
  $(".back").hidden = !point || point.by === "mouse" || point.by === "sample";
  if (!chart || !here) {
    store.paint(big, null);
    big.setAttribute("aria-label", "No place chosen");
    $(".where").textContent = "Point at the map";
    for (const name of ["place", "quantiles", "nearest"]) $(`.${name}`).textContent = "–";
    return read(null);
  }
  const { z, title } = here, nearest = chart.nearest(z);
  store.paint(big, chart.decode(z));
  read(chart.readings(z));
  chip.textContent = "atlas";
  $(".where").textContent = title;
  $(".place").textContent = z.map(signed).join(", ");
  $(".quantiles").textContent = z.map(v => normalDistribution(v).toFixed(2)).join(", ");
  $(".near").hidden = !chart.codes;
  if (nearest) tell(nearest);
  timer = setTimeout(rest, REST, z, asked);
}
async function rest(z, mine) {
  const reply = await store.ask(server.point, { name: store.state.chart.name, z });
  if (!reply || mine !== asked) return;
  store.paint(big, store.bytes(reply.picture));
  read(reply.reading);
  if (reply.nearest) tell(reply.nearest);
  chip.textContent = "exact";
  const words = reply.reading ? `reads ${top(reply.reading)}, ${Math.round(Math.max(...reply.reading) * 100)} percent` : "decoded";
  big.setAttribute("aria-label", `Digit at ${z.map(signed).join(", ")}: ${words}`);
  if (store.state.point?.by === "keys") $(".spoken").textContent = `${z.map(signed).join(", ")}: ${words}`;
}
const top = reading => reading.indexOf(Math.max(...reading));
const tell = ({ digit, distance }) => { $(".nearest").innerHTML = `${digit} <span class="caption">at ${distance.toFixed(2)}</span>`; };
function read(reading) {
  const best = reading ? top(reading) : -1;
  rows.forEach(({ li, bar, value }, c) => {
    li.classList.toggle("top", c === best);
    bar.style.setProperty("--v", reading ? reading[c].toFixed(3) : 0);
    value.textContent = !reading ? "" : reading[c] < 0.005 ? "0" : `${Math.round(reading[c] * 100)} %`;
  });
}
$(".back").onclick = () => store.set({ point: null });
store.on("chart point own drift frame", show);
store.on("route", ({ frame }) => { if (frame != null) show(); });
store.on("theme", show);

/* ---------- the visitor's digit ---------- */

const slider = $("#latent-noise"), calm = matchMedia("(prefers-reduced-motion: reduce)");
element.querySelectorAll(".draw").forEach(button => { button.onclick = () => document.querySelector("#pages [role=tab]").click(); });

let known = "", waiting = 0;
function follow() {   // ask once per digit, noise and map, and only while the page is looked at
  clearTimeout(waiting);
  const { chart, digit, kind, seed, onMap } = store.state;
  if (!digit) { known = ""; stop(); if (store.state.own) store.set({ own: null, drift: 0 }); return mine(); }
  if (chart && onMap) waiting = setTimeout(locate, 80, { name: chart.name, picture: store.base64(digit), kind, seed });
}
async function locate(request) {
  const key = JSON.stringify(request);
  if (key === known && store.state.own) return;
  known = key;
  const reply = await store.ask(server.own, request);
  if (!reply || key !== known) return;
  for (const name of ["noisy", "decoded"]) reply[name] = reply[name].map(store.bytes);
  reply.at = factor => {   // between the noise factors that were asked for
    const t = factor * (reply.factors.length - 1), i = Math.min(reply.factors.length - 2, Math.floor(t)), u = t - i;
    const between = rows => rows[i].map((v, k) => v + (rows[i + 1][k] - v) * u);
    return { mu: between(reply.mu), sigma: between(reply.sigma) };
  };
  store.set({ own: reply });
}
function mine() {
  const { own, digit, drift = 0 } = store.state;
  $(".empty").hidden = Boolean(digit);
  $(".rowh .draw").hidden = !digit;
  $(".mine").hidden = !own;
  if (!own) return;
  const step = Math.round(drift * (own.factors.length - 1)), { mu, sigma } = own.at(drift);
  store.paint($(".noisy"), own.noisy[step]);
  store.paint($(".decoded"), own.decoded[step]);
  $(".drawn").textContent = step ? "with noise" : "drawn";
  slider.value = own.factors[step];
  $("output").textContent = own.factors[step].toFixed(2);
  $(".lands").innerHTML = `Lands at <b>${mu.map(signed).join(", ")}</b>, give or take ${sigma.map(v => v.toFixed(2)).join(" and ")}.`;
  $(".drifts").innerHTML = fate(own);
}
function fate({ crossing, reads, drawn, factors }) {
  if (store.state.odd) return "There was no digit: this is only where the encoder puts it.";
  if (!reads) return "With noise it drifts along the line.";
  if (crossing === null) return `With noise it drifts, but still reads <b>${drawn}</b> at 1.00.`;
  const other = reads[factors.indexOf(crossing)];
  if (crossing === 0) return `Even without noise it decodes to <b>${other}</b>, not ${drawn}.`;
  return `With noise it drifts, and crosses into <b>${other}</b> country at <b>${crossing.toFixed(2)}</b>.`;
}
let animation = 0;
const stop = () => { cancelAnimationFrame(animation); animation = 0; };
slider.oninput = () => { stop(); store.set({ drift: Number(slider.value) }); };
$(".play").onclick = () => {
  const { drift = 0 } = store.state;
  stop();
  if (calm.matches) return store.set({ drift: drift >= 1 ? 0 : Math.min(1, drift + 0.1) });
  const start = performance.now();
  const go = now => {
    const drift = Math.min(1, Math.max(0, (now - start) / 2600));
    store.set({ drift });
    animation = drift < 1 && store.state.own ? requestAnimationFrame(go) : 0;
  };
  animation = requestAnimationFrame(go);
};
store.on("digit kind seed chart onMap", follow);
store.on("own drift digit odd theme", mine);
