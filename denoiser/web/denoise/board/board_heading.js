/* The line above the cards, and what the colours of differences mean while they are shown. */
import { finder } from "../../shell/html.js";
import { openPage } from "../../shell/navigation.js";
import { on, set } from "../../shell/store.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  const originals = find(".originals");
  originals.onclick = () => openPage("possible-originals");
  find(".tour").onclick = () => set({ lesson: 1 });
  on("view isNoisyInput nonDigit", ({ view, isNoisyInput, nonDigit }) => {
    const isDifference = view === "difference";
    const hasOriginal = !isNoisyInput && nonDigit !== "blank" && nonDigit !== "noise";
    find(".legend").hidden = !isDifference || !hasOriginal;
    find(".none").hidden = !isDifference || hasOriginal;
    originals.hidden = isDifference; // there is room for one of them
  });
}
