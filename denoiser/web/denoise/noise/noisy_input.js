/* The switch for pictures that are noisy already: no noise is added to them, and the panel below is inert. */
import { on, set } from "../../shell/store.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const box = element.querySelector("input");
  box.onchange = () => set({ isNoisyInput: box.checked });
  on("isNoisyInput", ({ isNoisyInput }) => {
    box.checked = isNoisyInput;
    element.querySelector(".rest").hidden = !isNoisyInput;
    document.body.classList.toggle("noisy-input", isNoisyInput);
    document.querySelector("#noise-panel")?.toggleAttribute("inert", isNoisyInput);
  });
}
