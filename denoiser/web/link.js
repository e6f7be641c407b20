/* A link that holds the drawing (or the fitted picture), the noise and the models, all behind the #: no server sees it. */
(store => {
  const { t } = store;
  const HUB = "https://huggingface.co", KEY = "#d=", PLACES = 1000, MOST = 5000;   // thousandths of the pad's side; points of a drawing

  const encode = text => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const decode = text => atob(text.replaceAll("-", "+").replaceAll("_", "/"));

  /* strokes as whole numbers: x, y and the hundredths of a second since the point before */
  const pack = strokes => strokes.map(stroke => stroke.flatMap(([x, y, t = 0], i) =>
    [Math.round(x * PLACES), Math.round(y * PLACES), Math.max(0, Math.round((t - (stroke[i - 1]?.[2] ?? t)) * 100))]));
  function unpack(packed) {
    let seconds = 0;
    return packed.map(numbers => {
      const stroke = [];
      for (let i = 0; i + 2 < numbers.length; i += 3) {
        seconds += numbers[i + 2] / 100;
        stroke.push([numbers[i] / PLACES, numbers[i + 1] / PLACES, Math.round(seconds * 100) / 100, 0]);
      }
      seconds += 0.3;
      return stroke;
    });
  }

  function make() {
    const { strokes, picture, odd, already, kind, seed, factor, shown } = store.state;
    const facts = { k: kind, e: seed, f: factor, m: shown.filter(m => !m.own).map(m => m.name) };
    if (picture) facts.p = picture;
    if (odd) facts.o = odd;
    if (already) facts.n = 1;
    if (strokes.length) facts.s = pack(strokes);
    return location.href.split("#")[0] + KEY + encode(JSON.stringify(facts));
  }

  /* the facts of a link as a patch of the state; throws where it was cut or forged */
  function read(hash) {
    const { s = [], p = null, o = null, n = 0, k, e, f, m } = JSON.parse(decode(hash.slice(KEY.length)));
    const whole = (v, most) => Number.isInteger(v) && v >= 0 && v <= most;
    const fine = Array.isArray(s) && s.every(stroke => Array.isArray(stroke) && stroke.length && stroke.length % 3 === 0
        && stroke.every((v, i) => whole(v, i % 3 < 2 ? PLACES : 6000)))
      && s.flat().length <= 3 * MOST && (p === null || (typeof p === "string" && decode(p).length === store.M))
      && [null, "letter", "blank", "noise"].includes(o) && typeof k === "string" && whole(e, 2 ** 31 - 1)
      && typeof f === "number" && whole(Math.round(f * 20), 20) && Array.isArray(m) && m.every(name => typeof name === "string");
    if (!fine) throw new Error("not a link of ours");
    return { strokes: unpack(s), picture: p, odd: o, already: n === 1, kind: k, seed: e, factor: Math.round(f * 20) / 20, wanted: m };
  }

  /* what is on the page, into the address: a reload brings it back. On the Hub that is the address of the page around
     this one, which takes a new # as a message */
  function keep() {
    const link = make();
    history.replaceState(null, "", link);
    if (location.ancestorOrigins?.[0] === HUB) parent.postMessage({ hash: location.hash }, HUB);
    return link;
  }

  async function copy() {
    const link = keep();
    try {
      await navigator.clipboard.writeText(link);
      store.say(t`Link copied: this drawing, this noise, these models.`);
    } catch {
      store.say(t`The link is in the address bar: this drawing, this noise, these models.`);
    }
  }

  if (location.hash.startsWith(KEY)) {
    try {
      store.set({ ...read(location.hash), version: 1 });
    } catch {
      store.say(t`That link is damaged. Here is an empty pad instead.`);
    }
  }
  Object.assign(store, { keep, copyLink: copy });
})(window.denoiser);
