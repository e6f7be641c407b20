/* A dozen places drawn from the prior, decoded by each map; pointing at one shows where it lies, the others around it. */
const store = window.denoiser, { t, top, placed } = store;
const sync = store.copies(element.querySelector(".dozens section"), root => {
  const dozen = root.querySelector(".dozen");
  dozen.innerHTML = '<button type="button"><canvas class="px unlit" width="28" height="28" aria-hidden="true"></canvas></button>'.repeat(12);
  const buttons = [...dozen.children];
  buttons.forEach((button, i) => {
    button.onpointerenter = button.onfocus = button.onclick = () => { if (store.state.samples) store.set({ point: { z: store.state.samples[i], by: "sample" } }); };
    button.onpointerleave = button.onblur = () => { if (store.state.point?.by === "sample") store.set({ point: null }); };
  });
  return { buttons };
});
let parts = new Map(), drawn = null, seed = store.newSeed(), asked = 0;

async function draw() {
  const { maps } = store.state, mine = ++asked;
  if (!maps?.length) return;
  parts = sync(maps);
  const reply = await store.ask(server.dozen, { names: maps.map(map => map.name), seed });
  if (!reply || mine !== asked) return;
  drawn = reply;
  store.set({ samples: reply.places });
  show();
}
function show() {
  for (const [name, { buttons }] of parts) buttons.forEach((button, i) => {
    const made = drawn?.maps[name], canvas = button.firstChild, reading = made?.readings[i];
    if (!made) return;
    canvas.classList.remove("unlit");
    store.paint(canvas, store.bytes(made.pictures[i]));
    button.setAttribute("aria-label", reading ? t`New digit ${i + 1} at ${placed(drawn.places[i])}, reads ${top(reading)}` : t`New digit ${i + 1} at ${placed(drawn.places[i])}`);
  });
}
element.querySelector(".again").onclick = () => { seed = store.newSeed(); draw(); };
store.on("maps", draw);
store.on("theme", show);
