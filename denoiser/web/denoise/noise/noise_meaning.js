/* What the chosen kind of noise does. */
import { NOISE_KINDS } from "../../shell/constants.js";
import { localize } from "../../shell/i18n.js";
import { on } from "../../shell/store.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  on("kind", ({ kind }) => {
    const isKnown = Object.hasOwn(NOISE_KINDS, kind); // a link may name any other word
    element.querySelector(".kind").textContent = isKnown ? localize(NOISE_KINDS[kind].meaning) : "";
  });
}
