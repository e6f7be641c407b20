/* The Models tab: a table that chooses, and everything about the model that is chosen. What needs no digit came with
   the page (props.entries); pictures are asked for when their part of the page comes into view. */
import { fromBase64, toBase64 } from "../shell/base64.js";
import { appendHtml, html, setHtml } from "../shell/html.js";
import { t, tHtml } from "../shell/i18n.js";
import { download, openPage } from "../shell/navigation.js";
import { divergingPalette, greyWord, paintDigit, PIXELS, SIDE } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { on, state } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, props, server }) {
  const find = (selector) => element.querySelector(selector);
  const entries = props.entries;
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const colour = (family) => `var(--${family === "referee" ? "ink-3" : family})`;
  /* a line's colour: its family's, mixed with ink, or with the ground where the shade is below 0 */
  const tint = ({ family, shade }) =>
    shade
      ? `color-mix(in srgb, ${colour(family)} ${Math.round(100 - 100 * Math.abs(shade))}%, var(${shade > 0 ? "--ink" : "--bg"}))`
      : colour(family);
  const NOISY = { family: "noisy", dash: "1 3", shade: 0 };

  /* ---------- figures for people ---------- */
  const count = (value) => value.toLocaleString("en-US");
  const NONE = html`<small>–</small>`;
  const figure = (value) => (value == null ? NONE : value >= 10 ? value.toFixed(1) : value.toFixed(4));
  const minus = (words) => words.replace("-", "−");
  const decibel = (value) => (value == null ? "∞ dB" : minus(`${value.toFixed(1)} dB`));
  const signed = (value) => (value < 0 ? "" : "+") + decibel(value);
  const span = (seconds) =>
    seconds == null
      ? NONE
      : seconds < 100
        ? t`${Math.round(seconds)} s`
        : seconds < 5400
          ? t`${Math.round(seconds / 60)} min`
          : t`${(seconds / 3600).toFixed(1)} h`;
  const phrases = (words) =>
    words
      .split(", ")
      .map((word) => t(word))
      .join(", "); // "convolution 3 x 3, ReLU"
  const shape = (sizes) => sizes.join(" × ");
  const words = (loss) => (props.losses[loss] ?? ["loss", ""]).map((word) => t(word)); // of a loss: its name, its unit
  const last = (list) => list[list.length - 1];
  const sample = (style) =>
    html`<svg viewBox="0 0 24 8" aria-hidden="true">
      <path d="M0 4H24" fill="none" stroke="${tint(style)}" stroke-width="2" stroke-dasharray="${style.dash}" />
    </svg>`;

  /* ---------- what is chosen ---------- */
  const start = entries.find((e) => e.layers.length) ?? entries[0];
  const view = { name: start?.name, beside: new Set(), log: false, step: null, turn: 0 };
  const chosen = () => byName.get(view.name);
  const shown = () =>
    [view.name, ...[...view.beside].filter((name) => name !== view.name)].map((name) => byName.get(name));

  /* ---------- the table ---------- */
  const best = (e) =>
    e.loss
      ? html`${figure(last(e.validation))}${e.loss === "bce" ? "" : html` <small>${e.loss === "elbo" ? "nats" : e.loss === "cross-entropy" ? "CE" : e.loss.toUpperCase()}</small>`}`
      : NONE;
  const at = (e, factor) => e.curve.find(([f]) => Math.abs(f - factor) < 1e-9)?.[1];
  const measured = entries.some((e) => e.curve.length);
  function table() {
    const columns = [
      [
        "l",
        t`Model`,
        (e) => html`<button type="button"><i class="swatch" style="--c:${colour(e.family)}"></i>${e.name}</button>`,
      ],
      ["l cut", t`What it is`, (e) => t(e.title)],
      ["l", t`Trained on`, (e) => t(e.trained_on) || html`<small>${t`nothing to train`}</small>`],
      ["", t`Parameters`, (e) => (e.parameters ? count(e.parameters) : NONE)],
      ["", "kB", (e) => (e.bytes ? count(Math.round(e.bytes / 1000)) : NONE)],
      ["", t`Epochs`, (e) => e.epochs || NONE],
      ["", t`Training`, (e) => (e.epochs ? html`<span title="${e.device ?? ""}">${span(e.seconds)}</span>` : NONE)],
      ["", tHtml`Validation<br>loss`, (e) => html`<b>${best(e)}</b>`],
      [
        "l cut narrow",
        t`The source says`,
        (e) => (e.headline_bce ? html`<b>${e.headline_bce}</b>` : e.headline ? t(e.headline) : NONE),
      ],
      ...(measured
        ? props.factors.map((f) => [
            "",
            tHtml`Test PSNR<br>at ${f}, dB`,
            (e) => (at(e, +f) == null ? NONE : html`<b>${at(e, +f).toFixed(1)}</b>`),
          ])
        : []),
    ];
    setHtml(
      find(".shelf-table"),
      html`<thead>
          <tr>
            ${columns.map(([c, title]) => html`<th scope="col" class="${c.split(" ")[0]}">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${entries.map(
            (e) =>
              html`<tr data-name="${e.name}" style="--c:${colour(e.family)}">
                ${columns.map(([c, , cell], i) => html`<td class="${c}" ${c.includes("cut") ? html` title="${t(i === 1 ? e.title : e.headline)}"` : ""}>${cell(e)}</td>`)}
              </tr>`,
          )}
        </tbody>`,
    );
    const trained = entries.filter((e) => e.epochs).length;
    const filters = entries.length - trained;
    find(".shelf .count").textContent = [
      t`${trained} trained`,
      filters ? t`classical filters: ${filters}` : "",
      t`losses are cross-entropy in nats per pixel unless a unit is named`,
    ]
      .filter(Boolean)
      .join("; ");
  }
  const rowOf = (name) => find(`.shelf-table tr[data-name="${CSS.escape(name)}"]`);
  find(".shelf-table").addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    if (row) choose(row.dataset.name);
  });
  find(".shelf-table").addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(by);
    rowOf(view.name).querySelector("button").focus();
  });

  /* ---------- the chooser that stays in sight ---------- */
  const select = find(".chooser select");
  setHtml(
    select,
    entries.map((e) => html`<option>${e.name}</option>`),
  );
  select.onchange = () => choose(select.value);
  function move(by) {
    const place = entries.findIndex((e) => e.name === view.name);
    choose(entries[(place + by + entries.length) % entries.length].name);
  }
  find(".previous").onclick = () => move(-1);
  find(".next").onclick = () => move(1);
  find(".up").onclick = () => find(".shelf").scrollIntoView({ block: "start" });

  function choose(name) {
    view.name = name;
    view.step = null;
    for (const row of element.querySelectorAll(".shelf-table tbody tr")) {
      const on = row.dataset.name === name;
      row.setAttribute("aria-selected", on);
      row.querySelector("button").tabIndex = on ? 0 : -1;
    }
    select.value = name;
    element.style.setProperty("--c", colour(chosen().family));
    find(".chooser .title").textContent = t(chosen().title);
    about();
    layers();
    refresh();
  }

  /* ---------- where it comes from, how it was trained ---------- */
  function about() {
    const e = chosen();
    find(".about .h-section").textContent = t(e.title);
    const source = e.source;
    setHtml(
      find(".about .source"),
      !source
        ? e.epochs
          ? tHtml`Our own recipe.`
          : tHtml`A classical filter: it sees only the noisy picture and estimates the noise itself.`
        : tHtml`From ${/^https?:/.test(source.address) ? html`<a href="${source.address}" rel="noreferrer" target="_blank">${source.title}</a>` : source.title}, ${source.year}`,
    );
    find(".about .note").textContent = t(e.note);
    find(".about .note").hidden = !e.note;
    const ours = e.epochs ? last(e.validation) : null;
    const [loss, unit] = words(e.loss);
    const gap =
      e.headline_bce == null || ours == null
        ? ""
        : ours <= e.headline_bce
          ? t`Ours is ${(e.headline_bce - ours).toFixed(4)} below the source's ${e.headline_bce}.`
          : t`Ours is ${(ours - e.headline_bce).toFixed(4)} above the source's ${e.headline_bce}.`;
    setHtml(
      find(".about .figures"),
      ours == null
        ? []
        : html` <div class="ours">
              <span>${t`Ours, validation`}</span><b>${figure(ours)}</b>
              <p>${tHtml`train ${figure(last(e.train))}`}; ${loss}${unit ? `, ${unit}` : ""}</p>
            </div>
            <div>
              <span>${t`The source says`}</span><b>${e.headline_bce ?? ""}</b>
              <p>${[e.headline ? t(e.headline) : t`no figure`, gap].filter(Boolean).join("; ")}</p>
            </div>`,
    );
    setHtml(
      find(".about .facts"),
      e.facts.map(
        ([what, how]) =>
          html`<dt>${t(what)}</dt>
            <dd>
              ${how[0].startsWith("python ") ? html`<code>${how[0]}</code>` : how.map((phrase) => t(phrase)).join(", ")}
            </dd>`,
      ),
    );
  }

  function layers() {
    const e = chosen();
    find(".network").hidden = !e.layers.length;
    const size = (layer) => layer.shape.reduce((a, b) => a * b, 1);
    const wide = Math.max(...e.layers.map(size), 784);
    const width = (values) => 6 + 94 * Math.sqrt(values / wide);
    const input = html`<tr>
      <td class="l">${t`the picture`}</td>
      <td>1 × 28 × 28</td>
      <td class="bar"><i style="width:${width(784)}%;background:var(--noisy)"></i></td>
      <td class="size">784</td>
      <td></td>
    </tr>`;
    setHtml(
      find(".layers"),
      html`<thead>
          <tr>
            <th class="l">${t`Layer`}</th>
            <th>${t`Output`}</th>
            <th></th>
            <th class="size">${t`Values`}</th>
            <th>${t`Learnt`}</th>
          </tr>
        </thead>
        <tbody>
          ${input}${e.layers.map(
            (layer) =>
              html` <tr class="${layer.code ? "code" : ""}">
                <td class="l">
                  ${layer.code && layer.words !== "code" ? html`${phrases(layer.words)} <small>${t`the code`}</small>` : phrases(layer.words)}
                </td>
                <td>${shape(layer.shape)}</td>
                <td class="bar"><i style="width:${width(size(layer))}%"></i></td>
                <td class="size">${count(size(layer))}</td>
                <td>${layer.parameters ? count(layer.parameters) : NONE}</td>
              </tr>`,
          )}
        </tbody>`,
    );
  }

  /* ---------- models beside it ---------- */
  setHtml(
    find(".chips"),
    entries
      .filter((e) => e.family !== "referee")
      .map(
        (e) =>
          html`<button
            type="button"
            class="chip"
            data-name="${e.name}"
            aria-pressed="false"
            style="--c:${colour(e.family)}"
          >
            ${e.epochs ? sample(e.style) : html`<i class="swatch"></i>`}${e.name}
          </button>`,
      ),
  );
  find(".chips").onclick = (event) => {
    const chip = event.target.closest(".chip");
    if (!chip) return;
    const { name } = chip.dataset;
    view.beside.has(name) ? view.beside.delete(name) : view.beside.add(name);
    refresh();
  };
  function chips() {
    for (const chip of element.querySelectorAll(".chip")) {
      chip.hidden = chip.dataset.name === view.name;
      chip.setAttribute("aria-pressed", view.beside.has(chip.dataset.name));
    }
  }

  /* ---------- charts: lines over a shared x, values beside the names, a cursor that reads them ---------- */
  function nice(low, high, steps) {
    const rough = (high - low) / steps;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(i * step);
    return ticks;
  }
  function logTicks(low, high) {
    const ticks = (mantissas) => {
      const list = [];
      for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
        for (const k of mantissas) {
          const tick = k * 10 ** p;
          if (tick >= low && tick <= high) list.push(tick);
        }
      return list;
    };
    return [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]].map(ticks).find((t) => t.length >= 3) ?? nice(low, high, 5);
  }
  const label = (value) => String(+value.toPrecision(6));

  /* `series`: {name, style, lines: [{points: [[x, y]], weak}]}, the last line of each being the one that counts;
     `heads` name the lines; `notes` are models that have no line here, with the reason */
  function chart(place, { series, heads, notes = [], log = false, unit, digits }) {
    const say = (v) => (v == null ? "" : minus(v >= 10 ? v.toFixed(1) : v.toFixed(digits)));
    setHtml(
      place,
      html`<div class="key">
          <span></span
          ><span></span
          >${heads.length > 1 ? heads.map((h) => html`<span class="k">${h}</span>`) : html`<span></span><span class="k"></span>`}
          ${series.map((s, i) => html`${sample(s.style)}<span class="n" title="${s.name}">${s.name}</span>${s.lines.length < 2 ? html`<span></span>` : ""}${s.lines.map((_, j) => html`<span class="v ${j === s.lines.length - 1 ? "main" : ""}" data-v="${i}-${j}"></span>`)}`)}
          ${notes.map(([name, why]) => html`<span></span><span class="apart">${name}: ${why}</span>`)}
        </div>
        <svg class="chart" role="img" tabindex="0"></svg>`,
    );
    const svg = place.querySelector("svg.chart");
    const lines = series.flatMap((s) => s.lines);
    const points = lines.flatMap((l) => l.points);
    if (!points.length) {
      svg.remove();
      return;
    }
    const xs = [...new Set(points.map((p) => p[0]))].sort((a, b) => a - b);
    const width = Math.max(240, svg.clientWidth);
    const height = svg.clientHeight || 300;
    const left = 4;
    const right = 48;
    const top = 20;
    const bottom = 26;
    const ys = points.map((p) => p[1]).filter((y) => !log || y > 0);
    let low = Math.min(...ys);
    let high = Math.max(...ys);
    const pad = log ? (high / low) ** 0.04 : (high - low || 1) * 0.05;
    [low, high] = log ? [low / pad, high * pad] : [low - pad, high + pad];
    const f = log ? Math.log : (v) => v;
    const x = (v) => left + ((v - xs[0]) / (last(xs) - xs[0] || 1)) * (width - left - right);
    const y = (v) => top + ((f(high) - f(v)) / (f(high) - f(low) || 1)) * (height - top - bottom);
    const path = (list) =>
      list
        .filter((p) => !log || p[1] > 0)
        .map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`)
        .join("");
    const yTicks = log ? logTicks(low, high) : nice(low, high, 5);
    const xTicks =
      last(xs) <= 1
        ? xs
        : [
            ...new Set([
              xs[0],
              ...nice(xs[0], last(xs), width < 500 ? 5 : 10).filter((v) => Number.isInteger(v) && v > xs[0]),
            ]),
          ];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute(
      "aria-label",
      `${unit}: ${series.map((s) => t`${s.name} ends at ${say(last(last(s.lines).points)[1])}`).join(", ")}. ${t`Arrow keys read other places.`}`,
    );
    setHtml(
      svg,
      html`${yTicks.map((v) => html`<path class="grid" d="M${left} ${Math.round(y(v)) + 0.5}H${width - right}" /><text x="${width - right + 8}" y="${y(v) + 4}">${label(v)}</text>`)}
        ${xTicks.map((v) => html`<text x="${x(v)}" y="${height - 6}" text-anchor="middle">${label(v)}</text>`)}
        ${series.map((s) => s.lines.map((l) => html`<path class="series" d="${path(l.points)}" stroke="${tint(s.style)}" stroke-dasharray="${s.style.dash}" stroke-width="${l.weak ? 1 : 2}" opacity="${l.weak ? 0.65 : 1}" />`))}
        <path class="cursor" d="M0 ${top}V${height - bottom}" /><g class="dots"></g
        ><rect class="badge" y="0" width="40" height="18" rx="3" /><text
          class="where"
          y="13"
          text-anchor="middle"
        ></text>`,
    );
    const cursor = svg.querySelector(".cursor");
    const dots = svg.querySelector(".dots");
    const badge = svg.querySelector(".badge");
    const where = svg.querySelector(".where");
    let place_ = xs.length - 1;
    function read(index, visible) {
      place_ = Math.max(0, Math.min(xs.length - 1, index));
      const at = xs[place_];
      for (const part of [cursor, dots, badge, where]) part.style.display = visible ? "" : "none";
      cursor.setAttribute("transform", `translate(${Math.round(x(at)) + 0.5} 0)`);
      badge.setAttribute("x", x(at) - 20);
      where.setAttribute("x", x(at));
      where.textContent = label(at);
      dots.replaceChildren();
      series.forEach((s, i) =>
        s.lines.forEach((l, j) => {
          /* a line that ended earlier keeps its last value, except under the cursor */
          const point = l.points.find((p) => p[0] === at) ?? (visible ? null : last(l.points));
          place.querySelector(`[data-v="${i}-${j}"]`).textContent = say(point?.[1]);
          if (point && !l.weak && (!log || point[1] > 0))
            appendHtml(
              dots,
              html`<circle class="dot" cx="${x(at)}" cy="${y(point[1])}" r="4" fill="${tint(s.style)}" />`,
            );
        }),
      );
    }
    const from = (event) => {
      const box = svg.getBoundingClientRect();
      const target = ((event.clientX - box.left) / box.width) * width;
      read(
        xs.reduce((near, v, i) => (Math.abs(x(v) - target) < Math.abs(x(xs[near]) - target) ? i : near), 0),
        true,
      );
    };
    svg.onpointermove = svg.onpointerdown = from;
    svg.onpointerleave = () => read(xs.length - 1, false);
    svg.onblur = () => read(xs.length - 1, false);
    svg.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) {
        event.preventDefault();
        read(place_ + by, true);
      }
    };
    read(xs.length - 1, false);
  }

  function learning() {
    const section = find(".curves");
    const e = chosen();
    const all = shown();
    const first = all.find((m) => m.loss);
    section.hidden = !e.loss;
    if (section.hidden) return;
    const [name, unit] = words(first.loss);
    section.querySelector(".unit").textContent =
      `${[name, unit].filter(Boolean).join(", ")}; ${t`per epoch, train thin, validation strong`}`;
    const series = all
      .filter((m) => m.loss === first.loss)
      .map((m) => ({
        name: m.name,
        style: m.style,
        lines: [m.train, m.validation].map((values, i) => ({
          points: values.map((v, k) => [k + 1, v]),
          weak: i === 0,
        })),
      }));
    const notes = all
      .filter((m) => m.loss !== first.loss)
      .map((m) => [m.name, m.loss ? t`trained on another loss (${words(m.loss)[0]})` : t`is not trained`]);
    chart(section.querySelector(".plot"), {
      series,
      heads: [t`train`, t`validation`],
      notes,
      log: view.log,
      unit: t`${name} per epoch`,
      digits: 4,
    });
  }
  for (const input of element.querySelectorAll(".scale input"))
    input.onchange = () => {
      view.log = find(".scale input:checked").value === "log";
      learning();
    };

  function quality() {
    const section = find(".quality");
    const e = chosen();
    section.hidden = !e.curve.length;
    if (section.hidden) return;
    const ground = e.ground.length ? [{ name: t`noisy, do nothing`, style: NOISY, lines: [{ points: e.ground }] }] : [];
    const series = [
      ...ground,
      ...shown()
        .filter((m) => m.curve.length)
        .map((m) => ({ name: m.name, style: m.style, lines: [{ points: m.curve }] })),
    ];
    chart(section.querySelector(".plot"), { series, heads: ["PSNR"], unit: t`PSNR in dB`, digits: 1 });
  }

  /* ---------- tiles: many small pictures on one canvas, one scale for all ---------- */
  let diverging = null;
  function tiles(place, sheet, wanted = 72) {
    diverging ??= divergingPalette();
    const { count: n, height, width, signed: both } = sheet;
    const pixels = fromBase64(sheet.pixels);
    const room = place.clientWidth || 600;
    const single = n === 1;
    const scale = Math.max(
      1,
      Math.min(
        single ? 56 : 12,
        Math.floor(
          (single ? Math.min(room, width > 2 * height ? 448 : 252) : Math.min(wanted, room / 4)) /
            Math.max(width, height),
        ),
      ),
    );
    const gap = single ? 0 : 4;
    const across = Math.max(1, Math.min(n, Math.floor((room + gap) / (width * scale + gap))));
    const down = Math.ceil(n / across);
    const canvas = document.createElement("canvas");
    canvas.width = across * width * scale + (across - 1) * gap;
    canvas.height = down * height * scale + (down - 1) * gap;
    canvas.style.width = `${canvas.width}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", t`${n} tiles of ${height} by ${width}`);
    const context = canvas.getContext("2d");
    const data = context.createImageData(canvas.width, canvas.height);
    const words = new Uint32Array(data.data.buffer);
    for (let t = 0; t < n; t++) {
      const ox = (t % across) * (width * scale + gap);
      const oy = Math.floor(t / across) * (height * scale + gap);
      for (let r = 0; r < height * scale; r++) {
        const from = (t * height + Math.floor(r / scale)) * width;
        const to = (oy + r) * canvas.width + ox;
        for (let c = 0; c < width * scale; c++) {
          const v = pixels[from + Math.floor(c / scale)];
          words[to + c] = both ? diverging[v] : greyWord(v);
        }
      }
    }
    context.putImageData(data, 0, 0);
    place.replaceChildren(canvas);
    if (sheet.exact) {
      const values = document.createElement("div");
      values.className = "values";
      values.style.gridTemplateColumns = `repeat(${width}, 56px)`;
      setHtml(
        values,
        sheet.exact.map((v) => html`<span>${minus(v.toFixed(2))}</span>`),
      );
      place.append(values);
    }
  }
  const scaleWords = (sheet) =>
    sheet.peak === null
      ? `${sheet.signed ? `${t`orange above 0, blue below`}, ` : ""}${t`each on a scale of its own`}`
      : sheet.signed
        ? `${t`orange above 0, blue below`}, ${t`full colour at ±${+sheet.peak.toPrecision(2)}`}`
        : t`dark is 0, light is ${+sheet.peak.toPrecision(2)}`;

  /* ---------- asking: only for what is in view, one question at a time in each part, the newest last;
     an answer that comes too late, when `fresh()` no longer holds, is not shown ---------- */
  const seen = new Set();
  function part(selector, question, ask) {
    const section = find(selector);
    let asking = false;
    let answered = null;
    async function run() {
      if (asking || !seen.has(section)) return;
      asking = true;
      try {
        for (let key = question(); key !== null && key !== answered; key = question()) {
          if (!(await ask(() => question() === key))) break;
          answered = key;
        }
      } finally {
        asking = false;
      }
    }
    watcher.observe(section);
    parts.set(section, run);
    return run;
  }
  const parts = new Map();
  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        isIntersecting ? seen.add(target) : seen.delete(target);
        if (isIntersecting) parts.get(target)();
      }
    },
    { rootMargin: "200px" },
  );

  /* ---------- inside, for the digit on the pad ---------- */
  const request = (s) => ({
    model: view.name,
    digit: toBase64(s.digit),
    kind: s.kind,
    seed: s.seed,
    factor: s.factor,
    step: view.step,
  });
  const inside = part(
    ".inside",
    () => {
      const { digit, kind, seed, factor } = state;
      return digit ? [view.name, view.step, kind, seed, factor, digit.join()].join("/") : null;
    },
    async (fresh) => {
      const reply = await ask(server.inside, request(state));
      if (!reply) return false;
      if (!fresh()) return true;
      const { kind, factor, odd } = state;
      paintDigit(find(".in"), fromBase64(reply.input));
      find(".out-figure").hidden = !reply.output;
      if (reply.output) paintDigit(find(".out"), fromBase64(reply.output));
      find(".goes-in").textContent = reply.noisy ? t`noisy` : t`your digit`;
      find(".db-in").textContent = reply.noisy && reply.psnr && !odd ? decibel(reply.psnr[0]) : "";
      find(".db-out").textContent = reply.psnr && !odd ? decibel(reply.psnr[1]) : "";
      find(".inside .what").textContent = reply.reading
        ? t`reads ${reply.reading[0]}, ${Math.round(100 * reply.reading[1])} %`
        : reply.noisy
          ? t`under the noise that is set on the Denoise page: ${t(props.noises[kind])}, factor ${factor.toFixed(2)}`
          : t`this model reconstructs clean digits, so it sees yours without noise`;
      find(".layer").hidden = !reply.sheet;
      if (!reply.sheet) return true;
      const layer = chosen().layers[reply.step];
      const { sheet } = reply;
      steps(reply.step);
      find(".layer-name").textContent = `${phrases(layer.words)}, ${shape(layer.shape)}`;
      find(".layer-note").textContent = [
        sheet.total > sheet.count
          ? t`the first ${sheet.count} of ${sheet.total}`
          : layer.code && sheet.count === 1
            ? t`the code of ${count(sheet.height * sheet.width)}, as ${sheet.height} × ${sheet.width}`
            : "",
        t`${Math.round(100 * sheet.zero)} % are 0`,
        scaleWords(sheet),
      ]
        .filter(Boolean)
        .join("; ");
      tiles(find(".inside .tiles"), sheet);
      return true;
    },
  );
  function steps(current) {
    setHtml(
      find(".steps"),
      chosen().layers.map(
        (layer, i) =>
          html`<button
            type="button"
            class="step ${layer.code ? "code" : ""}"
            role="radio"
            data-step="${i}"
            aria-checked="${i === current}"
            title="${phrases(layer.words)}"
          >
            <b>${shape(layer.shape)}</b>${layer.words === "code" ? t`the mean` : t(layer.words.split(",")[0])}
          </button>`,
      ),
    );
  }
  find(".steps").onclick = (event) => {
    const step = event.target.closest(".step");
    if (!step) return;
    view.step = +step.dataset.step;
    inside();
  };
  find(".draw").onclick = () => openPage("denoise");

  /* ---------- first-layer weights ---------- */
  const weights = part(
    ".weights",
    () => (chosen().layers.length ? view.name : null),
    async (fresh) => {
      const reply = await ask(server.weights, { model: view.name });
      if (!reply) return false;
      if (!fresh()) return true;
      const { sheet } = reply;
      find(".weights .tiles").hidden = !sheet;
      if (!sheet) return true;
      find(".weights .what").textContent =
        `${t`the first ${sheet.count} of ${sheet.total}`}, ${sheet.height} × ${sheet.width}; ${scaleWords(sheet)}`;
      tiles(find(".weights .tiles"), sheet, Math.max(sheet.width, sheet.height) < 10 ? 36 : 72);
      return true;
    },
  );

  /* ---------- ten digits: noisy, what each model makes of them, original ---------- */
  const pictures = (e) => e.family !== "referee";
  let rows = [];
  const ten = part(
    ".ten",
    () => (pictures(chosen()) ? [view.turn, ...shown().map((e) => e.name)].join("/") : null),
    async (fresh) => {
      const reply = await ask(server.ten, { models: shown().map((e) => e.name), turn: view.turn });
      if (!reply) return false;
      if (!fresh()) return true;
      find(".ten .what").textContent = [
        t(reply.origin),
        reply.factor ? t`noise: ${t(reply.kind)} ${reply.factor}` : t`without noise`,
        chosen().epochs ? t`as ${view.name} was trained` : "",
        t`PSNR over the ten`,
      ]
        .filter(Boolean)
        .join("; ");
      rows = reply.rows.map((row) => ({
        ...row,
        bytes: fromBase64(row.pictures),
        family: byName.get(row.name)?.family ?? "noisy",
      }));
      setHtml(
        find(".ten .rows"),
        rows.map(
          (row, i) =>
            html`<div class="who" style="--c:${row.name === "original" ? "var(--lum)" : colour(row.family)}">
                ${row.name === "original" ? html`<i></i>` : html`<i class="swatch"></i>`}<b>${t(row.name)}</b
                ><small>${row.psnr == null ? "" : decibel(row.psnr)}</small>
              </div>
              ${Array.from({ length: 10 }, (_, k) => html`<canvas class="px" width="28" height="28" data-row="${i}" role="img" aria-label="${t`${t(row.name)}, digit ${k}`}"></canvas>`)}`,
        ),
      );
      element
        .querySelectorAll(".ten canvas")
        .forEach((canvas, k) =>
          paintDigit(canvas, rows[Math.floor(k / 10)].bytes.subarray((k % 10) * PIXELS, ((k % 10) + 1) * PIXELS)),
        );
      return true;
    },
  );
  find(".others").onclick = () => {
    view.turn++;
    ten();
  };
  find(".save").onclick = () => {
    if (!rows.length) return;
    const scale = 3;
    const gap = 6;
    const side = SIDE * scale;
    const margin = 130;
    const small = document.createElement("canvas");
    const whole = document.createElement("canvas");
    small.width = small.height = SIDE;
    whole.width = margin + 10 * (side + gap);
    whole.height = gap + rows.length * (side + gap);
    const context = whole.getContext("2d");
    const style = getComputedStyle(document.body);
    context.fillStyle = style.getPropertyValue("--bg");
    context.fillRect(0, 0, whole.width, whole.height);
    context.fillStyle = style.getPropertyValue("--ink");
    context.font = "14px 'Source Sans 3', system-ui, sans-serif";
    context.imageSmoothingEnabled = false;
    rows.forEach((row, i) => {
      context.fillText(t(row.name), gap * 2, gap + i * (side + gap) + side / 2 + 5, margin - gap * 3);
      for (let k = 0; k < 10; k++) {
        paintDigit(small, row.bytes.subarray(k * PIXELS, (k + 1) * PIXELS));
        context.drawImage(small, margin + k * (side + gap), gap + i * (side + gap), side, side);
      }
    });
    download(whole.toDataURL("image/png"), `ten-digits-${view.name}.png`);
  };

  /* ---------- checkerboards: every network that enlarges its picture ---------- */
  const growing = entries.filter((e) => e.enlarging.length && e.task !== "read");
  find(".checker").hidden = !growing.length;
  setHtml(
    find(".checker .cards"),
    growing.map(
      (e) =>
        html`<div class="card" data-name="${e.name}" style="--c:${colour(e.family)}">
          <h3><i class="swatch"></i>${e.name}<small>${e.enlarging.map(phrases).join("; ")}</small></h3>
          <div class="body">
            ${Array(3).fill(
              html`<div class="pair">
                  ${Array(2).fill(html`<canvas class="px unlit" width="28" height="28"></canvas>`)}
                </div>
                <div class="measure"><span>&nbsp;</span></div>`,
            )}
          </div>
        </div>`,
    ),
  );
  const waiting = [null, ...growing.map((e) => e.name)];
  part(
    ".checker",
    () => (waiting.length ? (waiting[0] ?? "digits") : null),
    async () => {
      const name = waiting[0];
      const reply = await ask(server.spectrum, { model: name });
      if (!reply) return false;
      waiting.shift();
      if (name === null) {
        find(".checker .digits").textContent = reply.digits;
        find(".ground2").textContent = signed(reply.rows[0].period2);
        find(".ground4").textContent = signed(reply.rows[0].period4);
        return true;
      }
      const body = find(`.checker .card[data-name="${CSS.escape(name)}"] .body`);
      setHtml(
        body,
        reply.rows.map(
          (row) =>
            html`<div class="pair">
                <canvas
                  class="px"
                  width="28"
                  height="28"
                  role="img"
                  aria-label="${t`${t(row.words)}: one digit`}"
                ></canvas
                ><canvas
                  class="px"
                  width="28"
                  height="28"
                  role="img"
                  aria-label="${t`${t(row.words)}: spectrum`}"
                ></canvas>
              </div>
              <div class="measure">
                <span>${t(row.words)}</span><b title="${t`period ${2}`}">${signed(row.period2)}</b
                ><b title="${t`period ${4}`}">${signed(row.period4)}</b>
              </div>`,
        ),
      );
      const canvases = body.querySelectorAll("canvas");
      reply.rows.forEach((row, i) => {
        paintDigit(canvases[2 * i], fromBase64(row.picture));
        paintDigit(canvases[2 * i + 1], fromBase64(row.spectrum));
      });
      return true;
    },
  );

  /* ---------- everything that follows the choice ---------- */
  function refresh() {
    chips();
    learning();
    quality();
    const e = chosen();
    find(".weights").hidden = !e.layers.length;
    find(".ten").hidden = !pictures(e);
    inside();
    weights();
    ten();
  }
  if (entries.length) {
    table();
    choose(start.name);
    on("model", ({ model }) => {
      if (byName.has(model)) choose(model);
    });
    on("digit kind seed factor", ({ digit }) => {
      find(".inside .nothing").hidden = !!digit;
      find(".inside .body").hidden = !digit;
      if (!digit) find(".inside .what").textContent = "";
      inside();
    });
    /* hidden at first, or turned: charts and tiles are drawn for the width they have */
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (!contentRect.width || Math.abs(contentRect.width - width) < 2) return;
      width = contentRect.width;
      learning();
      quality();
    }).observe(element);
  }
}
