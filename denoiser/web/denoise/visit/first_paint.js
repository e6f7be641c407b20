/* Runs inline, right behind the page's first picture: a digit draws itself while its noise grows, from what was
   recorded. The picture goes once the page below it shows the same, or where it has to show something else. */
{
  const START = 300; // milliseconds
  const DURATION = 1500;
  /** @type {any} */
  const page = document.getElementById("first-paint");
  const { moments, chinese } = JSON.parse(document.getElementById("first-paint-data").textContent);
  const query = new URLSearchParams(location.search);
  let chosen = null;
  try {
    chosen = localStorage.getItem("denoiser-theme");
  } catch {
    /* storage is blocked */
  }
  const theme = query.get("__theme") || chosen;
  const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme:dark)").matches;
  document.body.classList.toggle("dark", isDark);
  if (location.hash.length > 1 || query.has("tab")) page.remove(); // another page, or another drawing

  if (/^zh\b/i.test(navigator.language)) {
    page.lang = "zh-Hans";
    for (const e of page.querySelectorAll("[data-say]")) e.textContent = chinese[e.dataset.say];
  }
  const [output, cells, pad] = ["output", ".cells", ".fp-pad"].map((name) => page.querySelector(name));
  const digits = page.querySelectorAll("em");
  const lines = [...pad.querySelectorAll("path")];
  const lengths = lines.map((line) => line.getTotalLength());
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  let shown = -1;

  function show(share) {
    let before = 0;
    lines.forEach((line, i) => {
      const part = Math.min(1, Math.max(0, (share * whole - before) / lengths[i]));
      line.style.strokeDashoffset = String(1 - part);
      line.style.visibility = part ? "visible" : "hidden";
      before += lengths[i];
    });
    const moment = Math.min(moments.length - 1, Math.floor(share * moments.length));
    if (moment === shown) return;
    shown = moment;
    const { factor, reads, code } = moments[moment];
    page.style.setProperty("--m", String(moment));
    output.textContent = factor.toFixed(2);
    digits.forEach((digit, i) => (digit.textContent = reads[i]));
    [...cells.children].forEach((cell, i) => (cell.style.background = `hsl(48 20% ${4 + 46 * (1 + code[i])}%)`));
  }

  let isReady = false;
  let isDone = false;
  function leave() {
    if (isDone && isReady) page.remove();
  }
  document.addEventListener("denoiser:ready", () => {
    isReady = true;
    leave();
  });
  for (const event of ["pointerdown", "keydown", "wheel"])
    addEventListener(
      event,
      () => {
        isDone = true;
        leave();
      },
      { capture: true, passive: true },
    );
  const began = performance.now();
  const still = matchMedia("(prefers-reduced-motion:reduce)").matches;
  (function step() {
    const share = still ? 1 : Math.min(1, Math.max(0, (performance.now() - began - START) / DURATION));
    show(share);
    isDone ||= share === 1;
    if (isDone) leave();
    else requestAnimationFrame(step);
  })();
}
