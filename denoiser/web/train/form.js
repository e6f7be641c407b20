/* What to train, and its beginning and end. The training queue knows by this page's requests that its visitor is there:
   while the visitor waits, the page asks for the position; during a training, it acknowledges what arrives. */
import { finder, html, setHtml } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { ask, pause } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";

/**
 * @typedef {import("../shell/i18n.js").Text} Text
 *
 * @typedef {object} Settings
 * @property {string} family
 * @property {number} width  hidden units or filters
 * @property {number} code  numbers or maps
 * @property {string} noise
 * @property {number} factor  the noise factor
 * @property {string} loss
 * @property {number} rate  the learning rate
 *
 * @typedef {object} Props
 * @property {Record<string, number[]>} widths  by family
 * @property {Record<string, number[]>} codes  by family
 * @property {number[]} rates
 * @property {Record<string, Text>} noises  what they are called
 * @property {Record<string, Text>} losses  what they are called
 * @property {Pick<Settings, "family" | "noise" | "factor" | "loss">} first  the settings to begin with
 * @property {Record<string, Pick<Settings, "width" | "code" | "rate">>} well  with which each family soon denoises well
 * @property {Record<string, number>} parameters  by family, width and code: "dense/256/32"
 * @property {number} seconds  that a training takes at most
 * @property {number} shortest  seconds of a training that is kept
 * @property {boolean} mnist  it trains on MNIST
 * @property {number} slots  trainings at a time
 * @property {string} value  what the training is started with, as JSON
 * @param {import("../shell/mount.js").Context<Props>} context
 */
export function mount({ element, props, server, trigger }) {
  const $ = finder(element);
  const { widths, codes, well, first, seconds, shortest, slots } = props;
  const MAX_RUNS = 6; // that are kept to compare
  const ASK = 1500;
  const ACKNOWLEDGE = 1000;
  const QUIET = 5000; // milliseconds without a snapshot after which the page asks whether the training goes on
  const PATIENCE = 45000; // milliseconds without any answer after which it gives up
  const LABELS = { dense: t("train.form.dense"), conv: t("train.form.conv") };
  /** @type {Settings} */
  const settings = { ...first, ...well[first.family], ...offered(state.trainingForm) };

  /** Of the settings of a link, those that the form offers. */
  function offered(form) {
    if (!form) return {};
    const family = Object.hasOwn(widths, form.family) ? form.family : first.family;
    const choices = {
      family: Object.keys(widths),
      width: widths[family],
      code: codes[family],
      noise: Object.keys(props.noises),
      loss: Object.keys(props.losses),
      rate: props.rates,
    };
    const known = Object.entries(form).filter(([name, value]) => choices[name]?.includes(value));
    const factor = Math.min(1, Math.max(0.1, Number(form.factor) || first.factor));
    return { ...well[family], ...Object.fromEntries(known), factor };
  }

  /* ---------- the form ---------- */
  const option = (value, words, chosen) =>
    html`<option value="${value}" ${value === chosen ? "selected" : ""}>${words}</option>`;
  const radios = (name, values, words = (v) => v) =>
    values.map(
      (v) =>
        html` <label
          ><input type="radio" name="train-${name}" value="${v}" ${v === settings[name] ? "checked" : ""} /><span
            >${words(v)}</span
          ></label
        >`,
    );
  $(".data").textContent = props.mnist ? t("train.form.mnist", seconds) : t("train.form.ownDigits", seconds);
  setHtml(
    $(".noise"),
    Object.entries(props.noises).map(([name, label]) => option(name, localize(label), settings.noise)),
  );
  setHtml(
    $(".loss"),
    Object.entries(props.losses).map(([name, label]) => option(name, localize(label), settings.loss)),
  );
  const rate = $(".rate", HTMLSelectElement);
  setHtml(
    rate,
    props.rates.map((v) => option(v, v, settings.rate)),
  );
  const slider = $(".factor", HTMLInputElement);
  slider.value = String(settings.factor);
  setHtml(
    $(".family"),
    radios("family", Object.keys(widths), (v) => LABELS[v]),
  );

  function layers() {
    const { family } = settings;
    const conv = family === "conv";
    $("#tf-width").textContent = conv ? t("train.form.filters") : t("train.form.hiddenUnits");
    $("#tf-code").textContent = conv ? t("train.form.codeMaps") : t("train.form.code");
    setHtml($(".width"), radios("width", widths[family]));
    setHtml($(".code"), radios("code", codes[family]));
    count();
  }
  function count() {
    const { family, width, code } = settings;
    const number = props.parameters[`${family}/${width}/${code}`].toLocaleString("en-US");
    $(".count").textContent =
      family === "dense"
        ? `784 → ${width} → ${code} → ${width} → 784`
        : `28 × 28 → ${width} × 14 × 14 → ${code} × 7 × 7 → 28 × 28`;
    $(".count").append(
      " ",
      Object.assign(document.createElement("b"), { textContent: t("train.form.parameters", number) }),
    );
  }
  const said = () => {
    $(".slide output").textContent = settings.factor.toFixed(2);
    slider.setAttribute("aria-valuetext", settings.factor.toFixed(2));
  };
  $("form").oninput = (event) => {
    const { name, value, className } = /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target);
    if (name === "train-family") {
      Object.assign(settings, { family: value }, well[value]);
      rate.value = String(settings.rate);
    } else if (name) settings[name.slice("train-".length)] = Number(value);
    else settings[className] = ["factor", "rate"].includes(className) ? Number(value) : value;
    if (name === "train-family") layers();
    else count();
    said();
    set({ trainingForm: { ...settings } });
    if (["noise", "factor"].includes(className)) look();
  };
  layers();
  said();

  /* ---------- the ten digits under this noise, before anything is trained ---------- */
  let looking = false;
  let again = false;
  let visible = false;
  async function look() {
    if (!visible || state.snapshots.length) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    do {
      again = false;
      const watchedDigits = await ask(server.preview, { settings });
      if (watchedDigits && !state.snapshots.length) set({ watchedDigits });
    } while (again);
    looking = false;
  }
  new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting && !visible) {
      visible = true;
      look();
    }
  }).observe(element);

  /* ---------- a training: waiting, training, over ---------- */
  /** Seconds until one of `slots` is free for a visitor with so many before them, if all of them train to the end. */
  const longestWait = (before) => Math.ceil((before - slots + 1) / slots) * seconds;
  let ticket = null;
  let acknowledged = 0;
  let ended = null; // the ticket of a training that was interrupted: its last message may still arrive
  let alarm = 0;
  let heard = 0; // when the server was last heard of during the training
  let turn = 0; // `turn` counts trainings: an older one's waiting ends
  const busy = () => state.trainingState !== "idle";

  function enter(trainingState, words) {
    set({ trainingState });
    $(".settings", HTMLFieldSetElement).disabled = $(".train", HTMLButtonElement).disabled = busy();
    $(".stop", HTMLButtonElement).disabled = !busy();
    if ($(".state").textContent !== words) $(".state").textContent = words;
    if (!busy()) {
      ticket = null;
      set({ trainingTicket: null });
      $(".speed").textContent = "";
      $(".bar i").style.transform = "scaleX(0)";
    }
    clearTimeout(alarm);
    if (trainingState === "training") watch();
  }
  function watch() {
    heard = performance.now();
    alarm = setTimeout(inquire, QUIET);
  }
  /** Ask whether the training goes on; this also tells the server that the visitor is there. */
  async function inquire() {
    const mine = alarm;
    const reply = await Promise.race([ask(server.wait, { ticket }), pause(QUIET)]);
    if (alarm !== mine || state.trainingState !== "training") return;
    if (reply?.ticket) watch();
    else if (reply) {
      ended = ticket;
      finish(interruption(reply));
    } else if (performance.now() - heard > PATIENCE) finish(t("train.form.silent"));
    else alarm = setTimeout(inquire, QUIET);
  }
  const interruption = ({ silent }) => (silent ? t("train.form.endedForSilence") : t("train.form.interrupted"));
  const finish = (words) => {
    const had = document.activeElement === $(".stop");
    enter("idle", words);
    if (had) $(".train").focus();
  };

  $("form").onsubmit = async (event) => {
    event.preventDefault();
    if (busy()) return;
    const mine = ++turn;
    const asked = { ...settings };
    ended = null;
    enter("waiting", t("train.form.gettingReady"));
    $(".stop").focus();
    const watchedDigits = await ask(server.preview, { settings: asked });
    if (!watchedDigits || mine !== turn) return mine === turn && finish("");
    set({ snapshots: [], snapshotIndex: -1, trainingResult: null, trainingSettings: asked, watchedDigits });
    for (;;) {
      const reply = await ask(server.wait, { ticket });
      if (mine !== turn) return reply && server.stop(JSON.stringify({ ticket: reply.ticket }));
      if (!reply) return finish("");
      ticket = reply.ticket;
      if (ticket && !reply.before) break;
      enter(
        "waiting",
        !ticket
          ? t("train.form.gettingReady")
          : t(
              reply.before === 1 ? "train.form.oneBefore" : "train.form.before",
              longestWait(reply.before),
              reply.before,
            ),
      );
      await pause(ticket ? ASK : 0);
      if (mine !== turn) return;
    }
    set({ trainingTicket: ticket });
    enter("training", t("train.form.learning"));
    props.value = JSON.stringify({ ticket, settings: asked });
    trigger("start");
  };
  $(".stop").onclick = async () => {
    if (ticket) await ask(server.stop, { ticket });
    if (state.trainingState !== "waiting") return; // a training says itself when it is over
    turn++;
    finish("");
  };

  /* ---------- a training that was under way when the page was reloaded ---------- */
  async function tellEnd() {
    const left = state.trainingTicket;
    set({ trainingTicket: null });
    const reply = await ask(server.wait, { ticket: left });
    if (!reply || busy()) return;
    if (reply.ticket) ask(server.stop, { ticket: left });
    finish(interruption(reply));
  }
  if (state.trainingTicket) tellEnd();

  /* ---------- what arrives ---------- */
  on("latestSnapshot", ({ latestSnapshot, snapshots }) => {
    if (!latestSnapshot || (latestSnapshot.ticket && ![ticket, ended].includes(latestSnapshot.ticket))) return;
    if (latestSnapshot.error) {
      say(localize(latestSnapshot.error));
      if (!snapshots.length) return finish("");
    }
    if (latestSnapshot.steps && latestSnapshot.steps !== snapshots.at(-1)?.steps) {
      const { snapshotIndex } = state;
      const last = snapshotIndex < 0 || snapshotIndex === snapshots.length - 1;
      set({ snapshots: [...snapshots, latestSnapshot], snapshotIndex: last ? snapshots.length : snapshotIndex });
    }
    if (latestSnapshot.over) {
      // without an id where it was too short to be kept
      const { id, card, steps } = latestSnapshot;
      const [duration, psnr] = [Math.round(latestSnapshot.seconds), latestSnapshot.psnr.toFixed(1)];
      const noisyPsnr = state.watchedDigits.psnr.toFixed(1);
      const { pictures, psnr: reached, seconds: lasted } = latestSnapshot;
      const run = { settings: state.trainingSettings, pictures, psnr: reached, seconds: lasted, id: id ?? null, card };
      set({ runs: [...state.runs, { ...run, noisyPsnr: state.watchedDigits.psnr }].slice(-MAX_RUNS) });
      if (id) set({ trainingResult: { id, card } });
      else say(t("train.form.tooShort", shortest));
      const result = t("train.form.result", duration, steps.toLocaleString("en-US"), psnr, noisyPsnr);
      return finish(latestSnapshot.silent ? `${interruption(latestSnapshot)} ${result}` : result);
    }
    if (!busy()) return;
    enter("training", t("train.form.learning"));
    if (latestSnapshot.seconds === undefined) return;
    $(".bar i").style.transform = `scaleX(${Math.min(1, latestSnapshot.seconds / seconds)})`;
    const left = Math.max(0, Math.ceil(seconds - latestSnapshot.seconds));
    const speed = latestSnapshot.speed ? Math.round(latestSnapshot.speed / 100) * 100 : null;
    $(".speed").textContent = [
      t("train.form.secondsLeft", left),
      t("train.form.steps", latestSnapshot.steps.toLocaleString("en-US")),
      speed && t("train.form.speed", speed.toLocaleString("en-US")),
    ]
      .filter(Boolean)
      .join(t("common.comma"));
    if (performance.now() - acknowledged > ACKNOWLEDGE) {
      acknowledged = performance.now();
      ask(server.wait, { ticket });
    }
  });
}
