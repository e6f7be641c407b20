/* one copy of an element for every map, in the same place: sync(maps) gives a Map from name to found(copy, map) */
export function copies(template, found) {
  const parent = template.parentElement;
  const kept = new Map();
  template.remove();
  return (maps) => {
    for (const [name, { root }] of kept)
      if (!maps.some((map) => map.name === name)) {
        root.remove();
        kept.delete(name);
      }
    for (const map of maps) {
      if (!kept.has(map.name)) {
        const root = template.cloneNode(true);
        root.querySelectorAll(".of").forEach((e) => {
          e.textContent = map.name;
        });
        kept.set(map.name, { root, ...found(root, map) });
      }
      parent.append(kept.get(map.name).root);
    }
    parent.classList.toggle("several", maps.length > 1);
    return kept;
  };
}
