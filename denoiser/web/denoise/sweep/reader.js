/* Who reads the pictures: the referee, which was trained on noisy digits, or a classifier that never saw noise. The
   second shows what denoising is worth to a reader that was not made for noise. */
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { on, set } from "../../shell/store.js";

/** @param {HTMLElement} element  of the component */
export function mountReader(element) {
  const section = finder(element)(".reader");
  const inputs = section.querySelectorAll("input");
  section.hidden = false;
  section.onchange = ({ target }) => set({ cleanReader: /** @type {HTMLInputElement} */ (target).value === "clean" });
  on("cleanReader", ({ cleanReader }) => {
    for (const input of inputs) input.checked = (input.value === "clean") === cleanReader;
    section.querySelector(".note").textContent = t(
      cleanReader ? "denoise.sweep.cleanReaderNote" : "denoise.sweep.refereeNote",
    );
  });
}
