/* Where the moments of a training arrive. */
import { set } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context<{value: string | null}>} context */
export function mount({ props, watch }) {
  watch("value", () => {
    if (props.value) set({ latestSnapshot: JSON.parse(props.value) });
  });
}
