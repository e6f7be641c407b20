/* One copy of an element for every map, in the same place. */
import { findAll } from "../shell/html.js";

/**
 * @template Parts
 * @param {HTMLElement} template
 * @param {(root: HTMLElement, map: {name: string}) => Parts} found  the parts of a map's copy
 * @returns {(maps: {name: string}[]) => Map<string, Parts & {root: HTMLElement}>}  puts the copies of these maps into
 *   the page, and gives them with their parts by name
 */
export function copies(template, found) {
  const parent = template.parentElement;
  /** @type {Map<string, Parts & {root: HTMLElement}>} */
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
        const root = /** @type {HTMLElement} */ (template.cloneNode(true));
        for (const heading of findAll(root, ".of")) heading.textContent = map.name;
        kept.set(map.name, { root, ...found(root, map) });
      }
      parent.append(kept.get(map.name).root);
    }
    parent.classList.toggle("several", maps.length > 1);
    return kept;
  };
}
