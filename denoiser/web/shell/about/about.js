/* The line at the foot of every tab: what this is, source, licence, how to cite it, where to report a problem. */
import { finder } from "../html.js";

/** @param {import("../mount.js").Context<{links: Record<string, string>, citation: string}>} context */
export function mount({ element, props }) {
  const find = finder(element);
  const dialog = element.querySelector("dialog");
  for (const [name, address] of Object.entries(props.links))
    Object.assign(find(`.${name}`), { href: address, hidden: false });
  find(".citation").textContent = props.citation;
  find(".open").onclick = () => {
    dialog.showModal();
    find("h2").focus(); // `autofocus` would be refused, with an error, in the frame of the Hub
  };
  find(".citing").onclick = () => {
    dialog.showModal();
    find(".citation").focus();
  };
  find(".close").onclick = () => dialog.close();
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  };
}
