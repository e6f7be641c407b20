/* The noise factor in large figures. */
import { on } from "../../shell/store.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  on("factor", ({ factor }) => {
    element.querySelector("output").textContent = factor.toFixed(2);
  });
}
