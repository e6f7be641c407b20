/* The ten digits: clean, noisy, and what the network makes of them at the moment that is looked at. */
const store = window.denoiser, { M, t } = store;
const $ = selector => element.querySelector(selector);
const ROWS = [["clean", t`Clean`], ["noisy", t`Noisy`], ["denoised", t`Denoised`]];
const FRAME = 120, calm = matchMedia("(prefers-reduced-motion: reduce)");

$(".rows").innerHTML = ROWS.map(([name, words]) => `
  <div class="row" data-row="${name}" role="img"><div class="who"><b>${words}</b><small>&nbsp;</small></div>
    ${'<canvas class="px unlit" width="28" height="28" aria-hidden="true"></canvas>'.repeat(10)}</div>`).join("");
const rows = Object.fromEntries([...element.querySelectorAll(".row")].map(row => [row.dataset.row, { row, small: row.querySelector("small"), canvases: [...row.querySelectorAll("canvas")] }]));

function show(name, pixels, words, label) {
  const { row, small, canvases } = rows[name];
  canvases.forEach((canvas, i) => {
    canvas.classList.toggle("unlit", !pixels);
    store.paint(canvas, pixels && pixels.subarray(i * M, (i + 1) * M));
  });
  small.textContent = words || "\u00a0";
  row.setAttribute("aria-label", label);
}
store.on("ten theme", ({ ten }) => {
  $(".origin").textContent = ten ? t(ten.origin) : "";
  show("clean", ten && store.bytes(ten.clean), "", t`Ten digits, clean`);
  show("noisy", ten && store.bytes(ten.noisy), ten && `${ten.psnr.toFixed(1)} dB`, ten ? t`The same with noise, ${ten.psnr.toFixed(1)} dB` : t`Noisy`);
});

/* ---------- any moment of the training ---------- */
const range = $("input"), play = $(".play");
const time = moment => `${moment.seconds.toFixed(1)} s`;
store.on("moments at theme", ({ moments, at }) => {
  const moment = moments[at], many = moments.length > 1;
  range.disabled = play.disabled = !many;
  range.max = Math.max(0, moments.length - 1);
  range.value = Math.max(0, at);
  $("output").textContent = moment ? time(moment) : "";
  range.setAttribute("aria-valuetext", moment ? t`after ${moment.steps} steps, ${time(moment)}` : "");
  const psnr = moment?.psnr?.toFixed(1);
  show("denoised", moment ? store.bytes(moment.pictures) : null, moment && `${psnr} dB`, moment ? t`Denoised after ${time(moment)}, ${psnr} dB` : t`Denoised: nothing yet`);
});
let timer = 0;
const halt = () => { clearInterval(timer); timer = 0; };
range.oninput = () => { halt(); store.set({ at: Number(range.value) }); };
play.onclick = () => {
  const { moments, at } = store.state, next = at >= moments.length - 1 ? 0 : at + 1;
  if (calm.matches) return store.set({ at: next });   // steps on press
  if (timer) return halt();
  store.set({ at: at >= moments.length - 1 ? 0 : at });
  timer = setInterval(() => {
    const { moments, at } = store.state;
    if (at >= moments.length - 1) halt(); else store.set({ at: at + 1 });
  }, FRAME);
};
