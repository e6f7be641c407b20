/* One card per model: the same drawing, the same noise. Asks the server twice after each stroke: first the noise
   factor at hand, then the whole ladder; from then on the slider is answered from the ladder. */
import { fromBase64 } from "../shell/base64.js";
import { hasInk } from "../shell/drawing.js";
import { html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { download, openPage } from "../shell/navigation.js";
import { percent } from "../shell/numbers.js";
import { greyWord, paintDigit, PIXELS, SIDE, themeColour } from "../shell/pixels.js";
import { ask, newTicket } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, props, server }) {
  const list = element.querySelector(".cards");
  const SAVE = html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
    <path d="M10 4v9M6.500 10 10 13.500 13.500 10M4 16.500h12" />
  </svg>`;
  const noisy = {
    name: "noisy",
    label: t`Noisy`,
    detail: t`do nothing`,
    family: "noisy",
    trained: null,
    colour: "var(--noisy)",
  };
  const GONE = t`its file is missing or damaged`;
  const BROKEN = t`failed on the server`;
  let rows = [];
  let cards = [];

  /* ---------- which models: their order stays, whatever the order of choosing ---------- */
  const choice = element.querySelector(".choose");
  const most = props.most;
  let boxes = [];
  const everyone = () => [...state.yours, ...props.models]; // where a new card is seen at once
  function offer() {
    setHtml(choice.querySelector(".list"), [
      ...everyone().map(
        (m) =>
          html` <label style="--c:var(--${m.family})"
            ><input type="checkbox" value="${m.name}" /><i class="swatch"></i><b>${m.name}</b
            ><span>${t(m.title)}</span></label
          >`,
      ),
      ...props.missing.map(
        (m) =>
          html` <label
            ><input type="checkbox" value="${m.name}" disabled /><i></i><b>${m.name}</b><span>${GONE}</span></label
          >`,
      ),
    ]);
    boxes = [...choice.querySelectorAll("input")];
  }
  offer();
  /* one colour per family; within it shade and dash tell models apart */
  const DASH = { dense: [7, 3], vae: [2, 3], filter: [9, 3, 2, 3], recurrent: [12, 4] };
  const SHADES = [
    (f) => `var(--${f})`,
    (f) => `color-mix(in oklab, var(--${f}), var(--ink) 45%)`,
    (f) => `color-mix(in oklab, var(--${f}), var(--bg) 30%)`,
  ];
  function choose(names) {
    const shown = everyone().filter((m) => names.includes(m.name));
    const seen = {};
    set({
      shown: shown.map((m) => {
        const label = t(m.label);
        const alone = shown.filter((other) => other.label === m.label).length === 1;
        const nth = (seen[m.family] = (seen[m.family] ?? -1) + 1);
        const dash = DASH[m.family] ?? (nth ? [14, 2] : []);
        return {
          ...m,
          short: label,
          label: alone ? label : m.name,
          detail: alone ? m.name : "",
          colour: SHADES[nth % SHADES.length](m.family),
          dash: dash.map((v) => v * [1, 0.55, 1.7][nth % 3]).join(" "),
        };
      }),
    });
  }
  choice.onchange = (event) => {
    const names = boxes.filter((box) => box.checked).map((box) => box.value);
    if (!names.length || names.length > most) {
      event.target.checked = !event.target.checked;
      say(
        names.length ? t`At most ${most} models stand side by side. Take one away first.` : t`One model has to stay.`,
      );
    } else choose(names);
  };
  document.addEventListener("pointerdown", (event) => {
    if (!choice.contains(event.target)) choice.open = false;
  });
  choice.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    choice.open = false;
    choice.querySelector("summary").focus();
  };

  /* ---------- built once per choice, then only updated ---------- */
  function build({ shown }) {
    for (const box of boxes) box.checked = shown.some((m) => m.name === box.value);
    rows = [noisy, ...shown];
    setHtml(list, [
      ...rows.map(
        (row) =>
          html` <li class="card" data-testid="card" data-model="${row.name}" style="--c:${row.colour}">
            <div class="name">
              ${
                row === noisy
                  ? html`<span><i class="swatch"></i>${row.label}<small>${row.detail}</small></span>`
                  : html`<button
                      type="button"
                      class="about"
                      title="${t`About ${row.name}: how it is built and trained`}"
                    >
                      <i class="swatch"></i>${row.label}<small>${row.detail}</small>
                    </button>`
              }<em>${t`best`}</em>
            </div>
            <div class="shot">
              <canvas class="px" width="28" height="28" role="img"></canvas><b class="divider"></b
              ><button
                type="button"
                class="save"
                aria-label="${t`Save the picture of ${row.label}`}"
                title="${t`Save this picture`}"
              >
                ${SAVE}
              </button>
            </div>
            <div class="figures">
              <span>PSNR <b class="psnr"></b> <u>dB</u></span
              ><span>SSIM <b class="ssim"></b></span>
            </div>
            <div class="reads"><span class="digit"></span><span class="sure"></span></div>
            <div class="meter"><i></i></div>
            <div class="note"></div>
          </li>`,
      ),
      ...props.missing
        .filter((m) => m.featured)
        .map(
          (m) =>
            html` <li class="card missing">
              <div class="name">
                <span>${t(m.label)}<small>${m.name}</small></span>
              </div>
              <canvas class="px unlit" width="28" height="28" role="img" aria-label="${m.name}: ${GONE}"></canvas>
              <div class="note">${GONE}</div>
            </li>`,
        ),
    ]);
    cards = [...list.querySelectorAll(".card:not(.missing)")].map((card) => ({
      card,
      canvas: card.querySelector("canvas"),
      divider: card.querySelector(".divider"),
      ...Object.fromEntries(["psnr", "ssim", "digit", "sure", "note"].map((c) => [c, card.querySelector(`.${c}`)])),
      meter: card.querySelector(".meter i"),
    }));
    /* one divider for all cards: the first one's can be reached by keyboard */
    const handle = cards[0].divider;
    for (const [name, value] of Object.entries({
      role: "slider",
      tabindex: 0,
      "aria-label": t`Divider between noisy and denoised`,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    }))
      handle.setAttribute(name, value);
  }
  const here = (name) => props.models.some((m) => m.name === name);
  const unknown = state.wanted.filter((name) => !here(name));
  const wanted = state.wanted.filter(here).slice(0, most);
  if (unknown.length)
    say(
      t`That link asks for models that are not here: ${unknown
        .slice(0, 3)
        .join(t`, `)
        .slice(0, 90)}.`,
    );
  choose(wanted.length ? wanted : props.featured);
  on("shown", build);

  /* ---------- the visitor's own: a new one stands on the board at once, one that the server forgot leaves it ---------- */
  let known = [];
  on("yours", ({ yours, shown }) => {
    const there = yours.map((m) => m.name);
    const before = known;
    if (there.join() === before.join()) return;
    known = there;
    offer();
    const names = shown.map((m) => m.name).filter((name) => !before.includes(name) || there.includes(name));
    const fresh = there.filter((name) => !before.includes(name));
    const kept = names.slice(0, most - fresh.length);
    choose([...kept, ...fresh].length ? [...kept, ...fresh] : props.featured);
  });
  function forget(gone) {
    set({ yours: state.yours.filter((m) => !gone.includes(m.name)) });
    say(t`The server no longer has the network you trained. The others are still here.`);
  }

  /* ---------- ask ---------- */
  /* what the answer depends on; an answer to an older question is thrown away */
  const names = (s) => s.shown.map((m) => m.name);
  const question = (s) => `${s.version}/${s.kind}/${s.seed}/${names(s)}${s.already ? "/already" : ""}`;

  /* the server's answer: `picture(row, i)` are the bytes of a row at its i-th factor, null where `broken[row]`: its model failed */
  function read(reply, asked) {
    const pixels = fromBase64(reply.pictures);
    const count = reply.factors.length;
    const broken = reply.names.map((name) => reply.failed.includes(name));
    return {
      ...reply,
      asked,
      broken,
      picture: (row, i) =>
        broken[row] ? null : pixels.subarray((row * count + i) * PIXELS, (row * count + i + 1) * PIXELS),
    };
  }
  /* the digit of the cards for the same question stands for its strokes, which are then not fitted again */
  const fitted = (s) => (s.now?.asked === question(s) ? s.now.fitted : null);
  const drawn = (s) => (fitted(s) ? { fitted: fitted(s) } : s.strokes.length ? { strokes: s.strokes } : { odd: s.odd });
  const ink = (s) => (s.picture !== null ? { picture: s.picture } : drawn(s));
  const own = (s) => Object.fromEntries(s.shown.filter((m) => m.own).map((m) => [m.name, m.own]));
  const request = (s, factors) => ({
    ...ink(s),
    already: s.already,
    kind: s.kind,
    seed: s.seed,
    models: names(s),
    own: own(s),
    factors,
  });

  /* one question to the server as it stands when it is put: while others are first it may become another one */
  const place = newTicket(); // ours in the server's line; who asks anew in it takes back what was asked before
  async function put(ladder, mine) {
    let asked = "";
    let drawing = false;
    const reply = await ask(
      server.compare,
      () => {
        const s = state;
        if (asking !== mine || !hasInk() || (ladder && s.drawing)) return null;
        [asked, drawing] = [question(s), s.drawing];
        return request(s, ladder ? null : [s.factor]);
      },
      place,
    );
    return { reply, asked, drawing };
  }

  const RETRY = 2000; // milliseconds
  let asking = null; // {ladder: the question whose ladder is asked for}, or {} for cards
  async function refresh() {
    /* of the cards an older answer is better than none; a ladder of another drawing is not */
    if (asking && (!asking.ladder || asking.ladder === question(state))) return;
    const mine = (asking = { ladder: null });
    try {
      for (let s = state; hasInk();) {
        const now = question(s);
        if (s.ladder?.asked === now) break;
        const cards = s.now?.asked !== now || (s.now.factors[0] !== s.factor && !s.already);
        if (!cards && (s.drawing || s.already)) break;
        mine.ladder = cards ? null : now;
        const { reply, asked, drawing } = await put(!cards, mine);
        if (asking !== mine) return; // a newer question is on its way
        const stale = question(s) !== asked;
        /* a refusal of what is no longer asked says nothing about what is */
        if (!reply) {
          if (s.offline || !stale) break;
          else continue;
        }
        if (reply.gone.length) {
          forget(reply.gone);
          continue;
        }
        if (!hasInk()) break;
        if (!cards && !stale) set({ ladder: read(reply, asked) });
        /* while the pen moves a slightly older picture is better than none */
        if (cards && (!stale || drawing))
          set({ now: read(reply, asked), digit: fromBase64(reply.digit), reading: reply.reading });
        if (!stale && s.lifted && !drawing) measure(cards ? "cards" : "ladder", s.lifted);
      }
    } finally {
      if (asking === mine) asking = null;
      if (state.offline) setTimeout(refresh, RETRY);
    }
  }
  addEventListener("online", refresh);
  /* for the benchmark: milliseconds from pen-up to what is shown */
  function measure(name, since) {
    performance.measure(`denoiser:${name}`, { start: since, end: performance.now() });
  }
  on("version kind seed shown already", (s) => {
    if (!hasInk()) set({ now: null, ladder: null, digit: null, reading: null });
    else if (s.ladder && s.ladder.asked !== question(s)) set({ ladder: null });
    refresh();
  });
  on("factor", (s) => {
    if (s.ladder?.asked !== question(s)) refresh();
  });

  /* ---------- show ---------- */
  const word = (parent, ...parts) =>
    parent.replaceChildren(
      ...parts.map((p) => (typeof p === "string" ? p : Object.assign(document.createElement(p.tag), p))),
    );
  let shades = null;
  function difference(picture, digit) {
    shades ??= ["--film", "--lost", "--added"].map(themeColour);
    const [film, lost, added] = shades;
    return (i) => {
      const d = (picture[i] - digit[i]) / 255;
      const to = d < 0 ? lost : added;
      const amount = Math.abs(d) ** 0.6;
      const [r, g, b] = film.map((c, k) => Math.round(c + (to[k] - c) * amount));
      return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    };
  }
  function halves(picture, other, place) {
    const edge = Math.round(place * SIDE);
    return (i) => greyWord(i % SIDE < edge ? other[i] : picture[i]);
  }

  function note(row, factor, kind, odd) {
    if (odd) return odd !== "letter" && row.family === "noisy" ? t`no reference` : t`there was no digit`;
    if (!row.trained) return "";
    const [low, high] = row.trained;
    if (high === 0) return factor > 0 ? t`trained on clean digits` : "";
    if (factor > 0 && !row.noise.includes(kind))
      return t`trained on ${row.noise.map((name) => t(props.kinds[name])).join(t`, `)} only`;
    return factor < low - 0.25 || factor > high + 0.25
      ? low === high
        ? t`trained at ${low.toFixed(2)}`
        : t`trained at ${low} to ${high}`
      : "";
  }

  function show() {
    const s = state;
    const { factor, view, digit, odd } = s;
    const inked = hasInk();
    const useful = s.ladder?.asked === question(s) ? s.ladder : s.now;
    /* an answer for another choice of models has other rows */
    const answer = inked && useful?.names.join() === rows.map((r) => r.name).join() ? useful : null;
    /* an answer to an older question, or for another factor, is shown as what it is: dimmed, until the new one comes */
    const found = answer && !s.already ? answer.factors.findIndex((f) => Math.abs(f - factor) < 1e-6) : 0;
    const step = Math.max(0, found);
    list.classList.toggle(
      "stale",
      (s.offline || s.waiting > 0) && answer !== null && (found < 0 || answer.asked !== question(s)),
    );
    const figures = answer?.psnr;
    const places = figures
      ? rows.map((_, row) => (answer.broken[row] ? -Infinity : (figures[row][step] ?? Infinity)))
      : [];
    const best = figures ? places.indexOf(Math.max(...places)) : -1;
    list.dataset.view = view;
    rows.forEach((row, r) => {
      const { card, canvas, divider, psnr, ssim, digit: says, sure, note: line, meter } = cards[r];
      const picture = answer?.picture(r, step) ?? null;
      const broken = answer?.broken[r];
      canvas.classList.toggle("unlit", !picture);
      if (!picture || !digit) paintDigit(canvas, picture);
      else if (view === "difference" && figures) paintDigit(canvas, picture, difference(picture, digit));
      else if (view === "wipe")
        paintDigit(canvas, picture, halves(picture, r ? answer.picture(0, step) : digit, s.wipe));
      else paintDigit(canvas, picture);
      divider.style.left = `${s.wipe * 100}%`;
      if (!r) divider.setAttribute("aria-valuenow", Math.round(s.wipe * 100));
      card.classList.toggle("best", r === best);
      psnr.textContent = figures && !broken ? db(figures[r][step]) : "–";
      ssim.textContent = figures && !broken ? answer.ssim[r][step].toFixed(2) : "–";
      const [reads, p] = broken ? [] : (answer?.reads?.[r][step] ?? []);
      const wrong = reads !== undefined && figures && !odd && answer.reading && reads !== answer.reading[0];
      word(
        says,
        t`reads`,
        " ",
        ...(reads === undefined
          ? ["–"]
          : [
              { tag: "b", textContent: reads },
              ...(wrong ? [{ tag: "span", className: "wrong", textContent: t`not ${answer.reading[0]}` }] : []),
            ]),
      );
      sure.textContent = reads === undefined ? "" : percent(p);
      meter.style.transform = `scaleX(${reads === undefined ? 0 : p})`;
      line.textContent = broken ? BROKEN : answer && !s.already ? note(row, factor, s.kind, odd) : "";
      const what = broken
        ? `${row.label}: ${BROKEN}`
        : !answer
          ? t`${row.label}, empty`
          : s.already
            ? row.label
            : t`${row.label} at noise factor ${answer.factors[step].toFixed(2)}`;
      canvas.setAttribute("aria-label", reads === undefined ? what : t`${what}: reads ${reads}, ${percent(p)}`);
    });
    const dial = document.querySelector("#factor .noisy");
    if (dial) dial.textContent = figures ? t`noisy input ${db(figures[0][step])} dB` : "\u00a0";
  }
  const db = (v) => (v === null ? "∞" : v.toFixed(1));
  on("now ladder factor view wipe theme version shown offline waiting", show);
  on("theme", () => {
    shades = null;
    show();
  });

  /* what came of a stroke, read aloud once its ladder is there */
  const status = element.querySelector("[role=status]");
  on("ladder", ({ ladder, factor, odd }) => {
    if (!ladder?.psnr || !ladder.reading || odd || ladder.names.length !== rows.length) return;
    const step = Math.round(factor * 20);
    const figures = rows.map((_, r) => (ladder.broken[r] ? -Infinity : (ladder.psnr[r][step] ?? Infinity)));
    const best = figures.indexOf(Math.max(...figures));
    const wrong = rows
      .filter((_, r) => !ladder.broken[r] && ladder.reads[r][step][0] !== ladder.reading[0])
      .map((row) => row.label);
    status.textContent =
      t`At noise factor ${factor.toFixed(2)} the best is ${rows[best].label}, ${db(ladder.psnr[best][step])} dB.` +
      " " +
      (wrong.length ? t`Read as another digit: ${wrong.join(t`, `)}.` : t`All are read as ${ladder.reading[0]}.`);
  });

  /* ---------- the wipe follows the pointer over any card, and the arrow keys ---------- */
  list.addEventListener("pointermove", (event) => {
    const shot = event.target.closest(".shot");
    if (!shot || state.view !== "wipe") return;
    const box = shot.getBoundingClientRect();
    wipe((event.clientX - box.left) / box.width);
  });
  const wipe = (place) => set({ wipe: Math.min(1, Math.max(0, place)) });
  const WAYS = {
    ArrowLeft: -1 / SIDE,
    ArrowDown: -1 / SIDE,
    ArrowRight: 1 / SIDE,
    ArrowUp: 1 / SIDE,
    PageDown: -0.25,
    PageUp: 0.25,
    Home: -1,
    End: 1,
  };
  list.addEventListener("keydown", (event) => {
    if (!event.target.matches(".divider") || !(event.key in WAYS)) return;
    event.preventDefault();
    wipe(state.wipe + WAYS[event.key]);
  });

  /* ---------- what leaves the page: one card's picture, or the whole board as one ---------- */
  const conditions = ({ already, kind, factor, seed }) =>
    already ? "already-noisy" : `${kind}-${factor.toFixed(2)}-${seed}`;
  const dark = () => cards[0].canvas.classList.contains("unlit");
  const sheet = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
  list.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    const row = rows[[...list.children].indexOf(card)];
    if (event.target.closest(".about")) {
      if (row.own) return openPage("train");
      set({ model: row.name });
      openPage("models");
    }
    if (!event.target.closest(".save") || dark()) return;
    const large = sheet(SIDE * 10, SIDE * 10);
    const context = large.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(card.querySelector("canvas"), 0, 0, large.width, large.height);
    download(large.toDataURL("image/png"), `${row.name}-${conditions(state)}.png`);
  });
  function whole() {
    const side = 168;
    const gap = 16;
    const top = 44;
    const across = Math.min(6, rows.length);
    const down = Math.ceil(rows.length / across);
    const height = side + 78;
    const canvas = sheet(gap + across * (side + gap), top + down * height);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.body);
    const token = (name) => style.getPropertyValue(name).trim();
    const write = (text, x, y, font, colour) => {
      context.font = `${font} 'Source Sans 3', system-ui, sans-serif`;
      context.fillStyle = colour;
      context.fillText(text, x, y, side);
    };
    context.fillStyle = token("--bg");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    const { already, kind, factor, seed } = state;
    context.font = "14px sans-serif";
    context.fillStyle = token("--ink-2");
    context.fillText(
      already ? t`noisy already` : t`${t(props.kinds[kind])} noise, factor ${factor.toFixed(2)}, seed ${seed}`,
      gap,
      26,
    );
    cards.forEach(({ card, canvas: shot, psnr, ssim, digit, sure }, i) => {
      const x = gap + (i % across) * (side + gap);
      const y = top + Math.floor(i / across) * height;
      context.fillStyle = getComputedStyle(card.querySelector(".swatch")).backgroundColor;
      context.fillRect(x, y + 2, 10, 10);
      write(rows[i].label, x + 16, y + 12, "600 14px", token("--ink"));
      context.drawImage(shot, x, y + 20, side, side);
      write(
        already ? "" : `${psnr.textContent} dB, SSIM ${ssim.textContent}`,
        x,
        y + side + 38,
        "13px",
        token("--ink-2"),
      );
      write(`${digit.textContent} ${sure.textContent}`, x, y + side + 56, "13px", token("--ink-2"));
    });
    return canvas;
  }
  element.querySelector(".copy").onclick = async () => {
    if (dark()) return say(t`Nothing is there to copy yet. Draw a digit first.`);
    const canvas = whole();
    const blob = await new Promise((done) => canvas.toBlob(done));
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      say(t`Picture copied: all cards as one.`);
    } catch {
      download(canvas.toDataURL("image/png"), `denoiser-${conditions(state)}.png`);
      say(t`Picture saved: this browser lets no page copy one.`);
    }
  };
}
