/* Below the cards: the same ladder as curves, as breaking points and as a film strip, on one axis of noise factors. */
import { hasInk } from "../shell/drawing.js";
import { html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { download } from "../shell/navigation.js";
import { paintDigit, SIDE } from "../shell/pixels.js";
import { clamp } from "../shell/numbers.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = (selector) => element.querySelector(selector);
  const svg = find(".plot");
  const whole = find(".against");
  let rows = [];
  const LOW = 4;
  const HIGH = 32;
  const LAST = 20; // dB shown; the ladder's last step
  const COUNTS = [11, 6, 5, 3]; // of frames in a row: each divides the ladder evenly
  /** @type {{x: (factor: number) => number, y: (decibels: number) => number}} */
  let place = { x: () => 0, y: () => 0 };

  /* the widths that follow from the window: frames shown, their size, and where factor f lies */
  function measures() {
    const width = svg.getBoundingClientRect().width;
    const frame = width > 800 ? 84 : innerWidth > 700 ? 42 : 44;
    return { width, frame, count: COUNTS.find((n) => n * frame <= find(".columns .frames").clientWidth) ?? 3 };
  }
  const labelled = (row) =>
    html`<span class="label"><i class="swatch" style="--c:${row.colour}"></i>${row.label}</span>`;

  /* ---------- once per choice of models ---------- */
  on("shown", ({ shown }) => {
    rows = [{ name: "noisy", label: t`Noisy`, colour: "var(--noisy)", dash: "1 3" }, ...shown];
    setHtml(
      find(".legend"),
      rows.map(
        (row) =>
          html`<li>
            <svg viewBox="0 0 24 12" aria-hidden="true">
              <path d="M0 6h24" stroke="${row.colour}" stroke-width="2" stroke-dasharray="${row.dash}" /></svg
            ><span>${row.label}</span><span class="value">–</span>
          </li>`,
      ),
    );
  });

  /* ---------- once per ladder ---------- */
  function curves(ladder) {
    const { width, frame, count } = measures();
    const height = svg.getBoundingClientRect().height;
    if (!width) return;
    const x = (f) => frame / 2 + f * (width - frame);
    const y = (v) => height - 24 - ((clamp(v, LOW, HIGH) - LOW) / (HIGH - LOW)) * (height - 36);
    place = { x, y };
    const drawn = [];
    for (const db of [5, 10, 15, 20, 25, 30])
      drawn.push(
        html`<path d="M0 ${y(db)}H${width}" stroke="var(--line)" /><text x="${width}" y="${y(db) - 4}" text-anchor="end"
            >${db}</text
          >`,
      );
    for (let i = 0; i < count; i++)
      drawn.push(
        html`<text x="${x(i / (count - 1))}" y="${height - 4}" text-anchor="middle"
          >${(i / (count - 1)).toFixed(1)}</text
        >`,
      );
    if (ladder?.psnr)
      rows.forEach((row, r) => {
        if (ladder.broken[r]) return;
        const path = ladder.factors
          .map((f, i) => `${x(f).toFixed(1)} ${y(ladder.psnr[r][i] ?? HIGH).toFixed(1)}`)
          .join("L");
        drawn.push(
          html`<path
            d="M${path}"
            fill="none"
            stroke="${row.colour}"
            stroke-width="2"
            stroke-linejoin="round"
            stroke-dasharray="${row.dash}"
          />`,
        );
      });
    setHtml(svg, html`${drawn}<g class="dots"></g>`);
    svg.setAttribute("aria-label", ladder?.psnr ? told(ladder) : t`PSNR against noise factor, empty`);
  }
  /* the curves in words: where they stand at three noise factors, and who is best from where on */
  function told(ladder) {
    const at = (step) =>
      t`At ${(step / LAST).toFixed(1)}: ${rows.map((row, r) => `${row.label} ${ladder.broken[r] ? "–" : (ladder.psnr[r][step]?.toFixed(1) ?? "∞")}`).join(t`, `)}.`;
    const leads = ladder.factors.map((_, step) => {
      const values = rows.map((_, r) => (ladder.broken[r] ? -Infinity : (ladder.psnr[r][step] ?? Infinity)));
      return values.indexOf(Math.max(...values));
    });
    const from = leads
      .map((r, step) => (r === leads[step - 1] ? null : t`${rows[r].label} from ${(step / LAST).toFixed(2)} on`))
      .filter(Boolean);
    return [t`PSNR in dB against noise factor.`, at(2), at(10), at(18), t`Best: ${from.join(t`, `)}.`].join(" ");
  }

  /* the first step of the ladder at which a row reads as another digit than the clean one, null where it holds; and the
     runs [from, to] of steps at which it reads as the clean one */
  function judge(ladder, r) {
    const right = ladder.reads[r].map(([digit]) => digit === ladder.reading[0]);
    const runs = [];
    right.forEach((is, i) => {
      if (is && right[i - 1]) runs.at(-1)[1] = i;
      else if (is) runs.push([i, i]);
    });
    const first = right.indexOf(false);
    return { step: first < 0 ? null : first, runs };
  }
  function breaks(ladder) {
    const readable = ladder?.psnr && ladder.reads;
    const { width } = measures();
    const narrow = width < 500;
    const x = (f) => (narrow ? f * (Math.max(0, whole.clientWidth - 144) - 28) : place.x(f));
    const half = 0.5 / LAST;
    const bar = ([from, to]) => [x(clamp(from / LAST - half, 0, 1)), x(clamp(to / LAST + half, 0, 1))];
    setHtml(
      find(".breaks"),
      rows.slice(1).map((row, i) => {
        const r = i + 1;
        const judged = readable && !ladder.broken[r];
        const { step, runs } = judged ? judge(ladder, r) : { step: null, runs: [] };
        const factor = step === null ? 1 : ladder.factors[step];
        const words = !judged ? "–" : step === null ? t`holds` : factor.toFixed(2);
        const end = x(factor);
        const lane = runs
          .map(bar)
          .map(([from, to]) => html`<i style="left:${from}px;width:${to - from}px;background:${row.colour}"></i>`);
        const picture =
          step === null
            ? null
            : html`<canvas
                class="px"
                width="28"
                height="28"
                data-row="${r}"
                data-step="${step}"
                style="left:${Math.max(0, end - 14)}px"
              ></canvas>`;
        const reads =
          step === null || narrow || width - end < 110
            ? null
            : html`<span style="left:${end + 16}px">${t`reads`} <b>${ladder.reads[r][step][0]}</b></span>`;
        const said = !judged
          ? row.label
          : step === null
            ? t`${row.label} reads right at every noise factor`
            : t`${row.label} reads as ${ladder.reads[r][step][0]} at noise factor ${words}`;
        return html`<div class="break" role="img" aria-label="${said}">
          <div class="who">${labelled(row)}<span>${words}</span></div>
          <div class="lane"><s style="left:${x(0)}px;width:${x(1) - x(0)}px"></s>${lane}${picture}${reads}</div>
        </div>`;
      }),
    );
    for (const canvas of find(".breaks").querySelectorAll("canvas"))
      paintDigit(canvas, ladder.picture(+canvas.dataset.row, +canvas.dataset.step));
  }
  function strips(ladder) {
    const { count } = measures();
    const step = (i) => Math.round((i * LAST) / (count - 1));
    const held = find(".strips").contains(document.activeElement);
    setHtml(
      find(".columns .frames"),
      Array.from({ length: count }, (_, i) => html`<span>${(step(i) / LAST).toFixed(1)}</span>`),
    );
    setHtml(
      find(".strips"),
      rows.map(
        (row) =>
          html`<div class="strip">
            <div class="who">${labelled(row)}</div>
            <div class="frames">
              ${Array.from(
                { length: count },
                (_, i) =>
                  html`<button
                    type="button"
                    tabindex="-1"
                    data-step="${step(i)}"
                    aria-label="${t`${row.label} at noise factor ${(step(i) / LAST).toFixed(2)}`}"
                  >
                    <canvas class="px" width="28" height="28"></canvas>
                  </button>`,
              )}
            </div>
          </div>`,
      ),
    );
    [...find(".strips").children].forEach((strip, r) => {
      for (const button of strip.querySelectorAll("button")) {
        button.firstElementChild.classList.toggle("unlit", !ladder || ladder.broken[r]);
        if (ladder) paintDigit(button.firstElementChild, ladder.picture(r, +button.dataset.step));
      }
    });
    enter(0, 0, held);
  }
  /* the strip is one stop for the Tab key; arrow keys go on from there */
  let stop = [0, 0];
  function enter(down, across, focus = true) {
    const lines = [...find(".strips").children].map((strip) => [...strip.querySelectorAll("button")]);
    const [row, column] = [clamp(stop[0] + down, 0, lines.length - 1), clamp(stop[1] + across, 0, lines[0].length - 1)];
    for (const button of lines.flat()) button.tabIndex = -1;
    stop = [row, column];
    lines[row][column].tabIndex = 0;
    if (focus) lines[row][column].focus();
  }
  const WAYS = {
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    Home: [0, -LAST],
    End: [0, LAST],
  };
  find(".strips").onkeydown = (event) => {
    if (!(event.key in WAYS)) return;
    event.preventDefault();
    enter(...WAYS[event.key]);
  };
  find(".strips").onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const strip = button.closest(".strip");
    stop = [[...strip.parentElement.children].indexOf(strip), [...button.parentElement.children].indexOf(button)];
    enter(0, 0);
    set({ factor: button.dataset.step / LAST });
  };
  /* ---------- every frame of the slider ---------- */
  function live() {
    const { factor, ladder } = state;
    const x = place.x(factor);
    const step = Math.round(factor * LAST);
    const figures = hasInk() && ladder?.names.length === rows.length ? ladder.psnr : null;
    const values = figures ? rows.map((_, r) => (ladder.broken[r] ? -Infinity : (figures[r][step] ?? Infinity))) : [];
    const best = values.length ? values.indexOf(Math.max(...values)) : -1;
    const left = svg.getBoundingClientRect().left - whole.getBoundingClientRect().left + x;
    for (const mark of [find(".hair"), find(".flag")]) mark.style.left = `${left}px`;
    find(".flag").textContent = factor.toFixed(2);
    [...find(".legend").children].forEach((line, r) => {
      line.querySelector(".value").textContent =
        !figures || values[r] === -Infinity ? "–" : Number.isFinite(values[r]) ? values[r].toFixed(1) : "∞";
      line.classList.toggle("best", r === best);
    });
    const dots = find(".dots");
    if (dots)
      setHtml(
        dots,
        values.map((v, r) =>
          v === -Infinity
            ? html``
            : html`<circle
                cx="${x}"
                cy="${place.y(v)}"
                r="${r === best ? 5 : 4}"
                fill="${rows[r].colour}"
                stroke="var(--bg)"
                stroke-width="2"
              />`,
        ),
      );
  }
  function develop() {
    const { ladder, drawing } = state;
    if (drawing) return;
    const shown = hasInk() && ladder?.names.length === rows.length ? ladder : null;
    curves(shown);
    breaks(shown);
    strips(shown);
    find(".save").disabled = !shown;
    live();
  }
  /* between a stroke and its ladder the old one stays: nothing flickers */
  on("ladder theme version shown", (s) => {
    if (s.ladder || !hasInk() || !svg.hasChildNodes()) develop();
  });
  on("factor", live);
  new ResizeObserver(develop).observe(svg);

  /* ---------- the strip as a picture: rows are models, columns noise factors ---------- */
  find(".save").onclick = () => {
    const { ladder } = state;
    const scale = 3;
    const side = SIDE * scale;
    const gap = 6;
    const names = 120;
    const top = 28;
    if (!ladder) return;
    const steps = Array.from({ length: 11 }, (_, i) => 2 * i);
    const sheet = Object.assign(document.createElement("canvas"), {
      width: names + steps.length * (side + gap) + gap,
      height: top + rows.length * (side + gap) + gap,
    });
    const context = sheet.getContext("2d");
    const frame = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    const style = getComputedStyle(document.body);
    const token = (name) => style.getPropertyValue(name).trim();
    context.fillStyle = token("--bg");
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.imageSmoothingEnabled = false;
    context.font = "13px sans-serif";
    context.fillStyle = token("--ink");
    steps.forEach((step, i) => context.fillText((step / LAST).toFixed(1), names + i * (side + gap) + side / 2 - 8, 18));
    rows.forEach((row, r) => {
      const y = top + r * (side + gap);
      context.fillText(row.name, 10, y + side / 2 + 4);
      steps.forEach((step, i) => {
        paintDigit(frame, ladder.picture(r, step));
        context.drawImage(frame, names + i * (side + gap), y, side, side);
      });
    });
    download(sheet.toDataURL("image/png"), `denoiser-${state.kind}-${state.seed}.png`);
    say(t`Film strip saved.`);
  };
}
