/* The line above the cards, and what the colours of differences mean while they are shown. */
import { openPage } from "../../shell/navigation.js";
import { on } from "../../shell/store.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const originals = element.querySelector(".originals");
  originals.onclick = () => openPage("possible-originals");
  on("view isNoisyInput", ({ view, isNoisyInput }) => {
    const explains = view === "difference" && !isNoisyInput;
    element.querySelector(".legend").hidden = !explains;
    originals.hidden = explains; // there is room for one of them
  });
}
