/* What the components of the Latent space tab share. In the store lie
   maps    the maps that are shown, ready to use (see atlas.js), in their order
   point   the place pointed at on all of them, {z, by: "mouse" | "touch" | "keys" | "sample"}, or null
   own     where the visitor's digit lands under growing noise, {factors, noisy, maps: {name: track}}; drift is the factor shown
   pins    the ends of the morph, {a, b}: a place [z1, z2], "own", "class:3" or "example:3", which each map has elsewhere
   routes  {name: places of the morph}; frame the one of them that is shown
   samples places drawn from the prior
   onMap   whether the tab is in view */
(store => {
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

  /* the standard normal distribution (Abramowitz and Stegun 26.2.17) and its inverse */
  function normal(x) {
    const t = 1 / (1 + 0.2316419 * Math.abs(x));
    const tail = 0.3989423 * Math.exp(-x * x / 2) * t * (0.3193815 + t * (-0.3565638 + t * (1.781478 + t * (-1.821256 + t * 1.330274))));
    return x > 0 ? 1 - tail : tail;
  }
  function quantile(q) {
    let low = -6, high = 6;
    for (let i = 0; i < 30; i++) { const middle = (low + high) / 2; if (normal(middle) < q) low = middle; else high = middle; }
    return (low + high) / 2;
  }

  const signed = v => (v < 0 ? "−" : "") + Math.abs(v).toFixed(2);
  const placed = z => z.map(signed).join(", ");
  const top = reading => reading.indexOf(Math.max(...reading));

  /* where an end of the morph lies on a map; undefined where that map does not know it */
  const placeOf = (end, map) => Array.isArray(end) ? end : end === "own" ? store.state.own?.maps[map.name]?.mu[0] : map.places[end];

  /* one copy of an element for every map, in the same place: sync(maps) gives a Map from name to found(copy, map) */
  function copies(template, found) {
    const parent = template.parentElement, kept = new Map();
    template.remove();
    return maps => {
      for (const [name, { root }] of kept) if (!maps.some(map => map.name === name)) { root.remove(); kept.delete(name); }
      for (const map of maps) {
        if (!kept.has(map.name)) {
          const root = template.cloneNode(true);
          root.querySelectorAll(".of").forEach(e => { e.textContent = map.name; });
          kept.set(map.name, { root, ...found(root, map) });
        }
        parent.append(kept.get(map.name).root);
      }
      parent.classList.toggle("several", maps.length > 1);
      return kept;
    };
  }

  Object.assign(store, { clamp, normal, quantile, signed, placed, top, placeOf, copies });
})(window.denoiser);
