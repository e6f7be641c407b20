/* Visitors who asked for less motion: nothing plays for them, one press is one step, and the button says so. */
import { t } from "./i18n.js";

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** What a press on a button does that plays: `label`, or without motion "Next". */
export const playLabel = (/** @type {string} */ label) => (calm.matches ? t("common.next") : label);

/**
 * Have a button say what a press does.
 * @param {HTMLElement} button  its words in a <span>
 * @param {string} label
 */
export function labelPlay(button, label) {
  const show = () => {
    const words = playLabel(label);
    button.querySelector("span").textContent = words;
    if (button.hasAttribute("aria-label")) button.setAttribute("aria-label", words);
  };
  calm.addEventListener("change", show);
  show();
}
