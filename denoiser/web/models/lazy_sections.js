/* Sections that ask the server only while they are in view. */

/** @type {WeakMap<Element, () => void>} */
const updates = new WeakMap();
/** @type {WeakSet<Element>} */
const inView = new WeakSet();
const observer = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting) inView.add(target);
      else inView.delete(target);
      if (isIntersecting) updates.get(target)();
    }
  },
  { rootMargin: "200px" },
);

/**
 * Have a section follow what it shows. Only one request is under way at a time, always the newest.
 * @param {Element} section
 * @param {() => string | null} keyOf  what the section should show now; null for nothing
 * @param {(isCurrent: () => boolean) => Promise<boolean>} load  asks the server and shows the reply if it is still
 *   current; false where there was none
 * @returns {() => Promise<void>} to be called whenever the key may have changed
 */
export function lazySection(section, keyOf, load) {
  let isLoading = false;
  let loaded = null;
  const isCurrent = () => [null, loaded].includes(keyOf());
  const markLoaded = () => section.setAttribute("data-loaded", String(loaded !== null && isCurrent()));
  async function update() {
    markLoaded();
    if (isLoading || !inView.has(section)) return;
    isLoading = true;
    try {
      for (let key = keyOf(); key !== null && key !== loaded; key = keyOf()) {
        const asked = key;
        if (!(await load(() => keyOf() === asked))) break;
        loaded = asked;
        markLoaded();
      }
    } finally {
      isLoading = false;
    }
  }
  section.setAttribute("data-loaded", "false"); // for the printer, which loads nothing
  updates.set(section, update);
  observer.observe(section);
  return update;
}
