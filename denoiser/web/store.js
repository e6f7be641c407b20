/* What the visitor sees and does, in one place, and how digits are painted. Loaded once, before every component.
   denoiser.state        the facts; never written directly
   denoiser.set(patch)   changes them and tells whoever listens to one of the patch's keys
   denoiser.on(keys, f)  calls f(state) now and whenever one of the keys (a space-separated list) is set */
window.denoiser = (({ t, ...language }) => {
  const N = 28, M = N * N;
  const listeners = [];
  const state = {
    strokes: [],       // [[x, y, seconds, pressure], ...] for each stroke, in units of the pad's side
    past: [],          // what was on the pad before, last last: {strokes, picture, odd}
    future: [],        // what was taken back
    picture: null,     // an uploaded picture, fitted: base64 of 784 bytes; its strokes are empty
    already: false,    // what is on the pad is noisy already: none is added
    label: null,       // what MNIST says it is, of a test digit
    odd: null,         // "letter", "blank" or "noise": no digit on purpose
    drawing: false,    // the pen is down
    version: 0,        // counts changes of the ink
    digit: null,       // what the models see: Uint8Array(784), or null without ink
    reading: null,     // what the referee reads in it: [digit, probability], or null
    kind: "gaussian", seed: 4271, factor: 0.5,
    wanted: [],        // names of models that a link asks for
    shown: [],         // the models side by side, in order: what a card says of each
    ladder: null,      // every row at every noise factor of the digit, kind and seed above, or null while it is computed
    now: null,         // every row at `factor`
    view: "picture", wipe: 0.5,
    model: null,       // whose entry on the Models page is asked for
    yours: [],         // the visitor's own models: what a card says of each, and its id on the server as `own`
    lesson: "idle",    // of the Train page: "idle", "waiting" or "training"
    ten: null,         // the ten digits that are watched: clean, noisy
    trained: null,     // the settings of the training
    moments: [], at: -1,   // what there was to see of it, and which moment is looked at
    moment: null,      // what arrived last
    result: null,      // what came of it: {id, card}
    message: "", offline: false,
    waiting: 0,        // our number in the server's line, 0 where we do not wait
  };

  function set(patch) {
    Object.assign(state, patch);
    for (const { keys, callback } of [...listeners]) if (keys.some(key => key in patch)) callback(state);
  }
  function on(keys, callback) {
    listeners.push({ keys: keys.split(" "), callback });
    callback(state);
  }

  /* whoever changes the ink says so through `ink`, and calls `remember` before a change that can be undone */
  const ink = patch => set({ strokes: [], picture: null, odd: null, label: null, ...patch, version: state.version + 1 });
  const pad = () => ({ strokes: state.strokes, picture: state.picture, odd: state.odd, label: state.label });
  const remember = () => set({ past: [...state.past, pad()].slice(-200), future: [] });
  function undo() {
    if (!state.past.length) return;
    set({ future: [...state.future, pad()], past: state.past.slice(0, -1), back: state.past.at(-1) });
    ink(state.back);
  }
  function redo() {
    if (!state.future.length) return;
    set({ past: [...state.past, pad()], future: state.future.slice(0, -1), back: state.future.at(-1) });
    ink(state.back);
  }
  const hasInk = () => state.strokes.length > 0 || state.picture !== null || state.odd !== null;

  /* seeds */
  const seed = (value, final) => {
    if (Number.isInteger(value) && value >= 0 && value < 2 ** 31) { if (value !== state.seed) set({ seed: value }); }
    else if (final) say(t`The seed is a whole number from 0 to 2147483647.`);
    return state.seed;
  };
  /* what the native components start with: a link may have asked for another kind and seed than the page does */
  function asked(kinds) {
    if (!kinds.includes(state.kind)) set({ kind: kinds[0] });
    return [state.kind, state.seed];
  }
  const newSeed = () => Math.floor(Math.random() * 100000);

  const say = message => set({ message });   // the toast takes it away again

  /* bytes and pictures */
  const bytes = base64 => Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const base64 = array => btoa(String.fromCharCode(...array));
  const colour = name => {
    const hex = getComputedStyle(document.body).getPropertyValue(name).trim();
    return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
  };
  let table = null;   // 256 greys between film and light
  function palette() {
    const film = colour("--film"), light = colour("--lum");
    table = Uint32Array.from({ length: 256 }, (_, v) => {
      const [r, g, b] = film.map((c, i) => Math.round(c + (light[i] - c) * v / 255));
      return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    });
  }
  /* 256 colours for what has a sign: below 128 negative, above positive, film between */
  function diverging() {
    const film = colour("--film"), low = colour("--lost"), high = colour("--added");
    return Uint32Array.from({ length: 256 }, (_, v) => {
      const share = Math.min(1, Math.abs(v - 128) / 127), end = v < 128 ? low : high;
      const [r, g, b] = film.map((c, i) => Math.round(c + (end[i] - c) * share));
      return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    });
  }
  const images = new WeakMap();
  function buffer(context) {
    let image = images.get(context);
    if (!image) images.set(context, image = { data: context.createImageData(N, N) }).get(context).words = new Uint32Array(image.data.data.buffer);
    return image;
  }
  /* paint 784 bytes (ink 255 on 0) into a 28 x 28 canvas; `shade(i)` may give the colour word of pixel i instead */
  function paint(canvas, pixels, shade) {
    const context = canvas.getContext("2d");
    if (!pixels) return context.clearRect(0, 0, canvas.width, canvas.height);
    if (!table) palette();
    const { data, words } = buffer(context);
    if (shade) for (let i = 0; i < M; i++) words[i] = shade(i);
    else for (let i = 0; i < M; i++) words[i] = table[pixels[i]];
    context.putImageData(data, 0, 0);
  }
  /* a probability in words: never quite 100 % */
  const percent = p => p > 0.995 ? "> 99 %" : `${Math.round(p * 100)} %`;
  const grey = value => table[value];

  /* one call to the server; null where it failed, after saying why, and where a later one took its place in the line.
     While others are first it asks again and again, for what `request` is by then: that may be a function, which gives
     null where there is nothing to ask any more. `offline` says that the server did not answer at all */
  const place = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join("");
  const pause = ms => new Promise(done => setTimeout(done, ms));
  async function ask(call, request, mine = place()) {
    for (;;) {
      const question = typeof request === "function" ? request() : request;
      const reply = question && await attempt(call, question, mine);
      if (reply?.waiting === undefined) {
        if (state.waiting && !reply?.replaced) set({ waiting: 0 });
        return reply?.replaced ? null : reply;
      }
      set({ waiting: reply.waiting + 1 });
      await pause(1000 * reply.again * (0.5 + Math.random()) + 300 * Math.random());   // not all at the same moment
    }
  }
  async function attempt(call, question, mine) {
    let reply;
    try {
      reply = JSON.parse(await call(JSON.stringify(question), mine));
    } catch {
      if (!state.offline) say(t`The server does not answer. Your drawing is still here; the page keeps trying.`);
      set({ offline: true });
      return null;
    }
    if (state.offline) {
      set({ offline: false });
      say(t`The server answers again. Your drawing is still here.`);
    }
    if (reply.error) { say(t(reply.error)); return null; }
    return reply;
  }

  const download = (href, name) => Object.assign(document.createElement("a"), { href, download: name }).click();
  const open = page => document.querySelector(`#${page}-tab-button`)?.click();

  function dark(on) {
    document.body.classList.toggle("dark", on);
    try { localStorage.setItem("denoiser-theme", on ? "dark" : "light"); } catch { /* private window: not kept */ }
    palette();
    set({ theme: on ? "dark" : "light" });
  }
  function firstTheme() {
    let kept = null;
    try { kept = localStorage.getItem("denoiser-theme"); } catch { /* private window */ }
    const asked = new URLSearchParams(location.search).get("__theme") || kept;
    dark(asked ? asked === "dark" : matchMedia("(prefers-color-scheme:dark)").matches);
  }

  return { ...language, t, N, M, state, set, on, ink, remember, undo, redo, hasInk, seed, newSeed, asked, say, bytes, base64, colour, paint, grey, diverging, percent, place, ask, download, open, dark, firstTheme };
})(window.denoiser);
