/* The line above the cards, and what the colours of differences mean while they are shown. */
import { on } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element }) {
  on("view already", ({ view, already }) => {
    element.querySelector(".legend").hidden = view !== "difference" || already;
  });
}
