/* A dozen digits drawn from the prior; pointing at one shows where on the map it lies. */
const store = window.denoiser;
const dozen = element.querySelector(".dozen");
dozen.innerHTML = '<button type="button"><canvas class="px unlit" width="28" height="28" aria-hidden="true"></canvas></button>'.repeat(12);
let drawn = null;

async function draw() {
  const { chart } = store.state;
  if (!chart) return;
  const reply = await store.ask(server.dozen, { name: chart.name, seed: store.newSeed() });
  if (reply) { drawn = reply; show(); }
}
function show() {
  if (!drawn) return;
  [...dozen.children].forEach((button, i) => {
    const canvas = button.firstChild, reading = drawn.readings[i];
    canvas.classList.remove("unlit");
    store.paint(canvas, store.bytes(drawn.pictures[i]));
    const reads = reading ? `, reads ${reading.indexOf(Math.max(...reading))}` : "";
    button.setAttribute("aria-label", `New digit ${i + 1} at ${drawn.places[i].map(v => v.toFixed(2)).join(", ")}${reads}`);
  });
}
[...dozen.children].forEach((button, i) => {
  button.onpointerenter = button.onfocus = button.onclick = () => { if (drawn) store.set({ point: { z: drawn.places[i], by: "sample" } }); };
  button.onpointerleave = button.onblur = () => { if (store.state.point?.by === "sample") store.set({ point: null }); };
});
element.querySelector(".again").onclick = draw;
store.on("chart", draw);
store.on("theme", show);
