/* The switch for pictures that are noisy already: no noise is added to them, and the panel below is inert. */
import { setDrawing } from "../../shell/drawing.js";
import { finder } from "../../shell/html.js";
import { on, set, state } from "../../shell/store.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const box = element.querySelector("input");
  const rest = finder(element)(".rest");
  box.onchange = () => {
    if (state.ghost) setDrawing({});
    set({ isNoisyInput: box.checked });
  };
  on("isNoisyInput", ({ isNoisyInput }) => {
    box.checked = isNoisyInput;
    rest.hidden = !isNoisyInput;
    document.body.classList.toggle("noisy-input", isNoisyInput);
    for (const part of document.querySelectorAll("#kind-row, #noise_slider .film"))
      part.toggleAttribute("inert", isNoisyInput);
  });
}
