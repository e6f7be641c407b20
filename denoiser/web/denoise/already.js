/* The switch for pictures that bring their own noise: none is added then, and the panel below rests. */
import { on, set } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  const box = element.querySelector("input");
  box.onchange = () => set({ already: box.checked });
  on("already", ({ already }) => {
    box.checked = already;
    element.querySelector(".rest").hidden = !already;
    document.body.classList.toggle("already", already);
    document.querySelector("#noise-panel")?.toggleAttribute("inert", already);
  });
}
