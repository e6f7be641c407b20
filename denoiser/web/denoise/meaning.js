/* What the chosen kind of noise does. */
import { t } from "../shell/i18n.js";
import { on } from "../shell/store.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, props }) {
  on("kind", ({ kind }) => {
    const known = Object.hasOwn(props.meanings, kind); // a link may name any other word
    element.querySelector(".kind").textContent = known ? t(props.meanings[kind]) : "";
  });
}
