/* A <details> element as a menu. */

/**
 * Close the menu at a press beside it, and at Escape.
 * @param {HTMLDetailsElement} menu
 * @returns {() => void} closes it; the keyboard goes on at its button
 */
export function closesLikeMenu(menu) {
  function close() {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  });
  menu.onkeydown = (event) => {
    if (event.key === "Escape") close();
  };
  return close;
}
