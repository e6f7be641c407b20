/* On a phone: the button in the noise bar that opens the sheet with the kinds of noise, the seed and the switch for
   pictures that are noisy already. */
import { NOISE_KINDS } from "../../shell/constants.js";
import { localize, t } from "../../shell/i18n.js";
import { on } from "../../shell/store.js";

const OPEN = "noise-sheet"; // class of the body

/** @param {HTMLElement} button */
export function mountKindsButton(button) {
  const sheet = () => document.getElementById("noise");
  function show(isOpen) {
    document.body.classList.toggle(OPEN, isOpen);
    button.setAttribute("aria-expanded", String(isOpen));
  }
  button.onclick = () => show(!document.body.classList.contains(OPEN));
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !sheet()?.contains(target)) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains(OPEN)) return;
    show(false);
    button.focus();
  });
  on("kind isNoisyInput", ({ kind, isNoisyInput }) => {
    const label = Object.hasOwn(NOISE_KINDS, kind) ? localize(NOISE_KINDS[kind].label) : "";
    button.querySelector("span").textContent = isNoisyInput ? t("visit.bar.noisyAlready") : label;
  });
}
