/* One line for people: what went wrong and what to do. It stays as long as it takes to read; the position in the queue
   as long as the visitor waits, and that the server does not answer as long as that is so. */
import { finder } from "./html.js";
import { t } from "./i18n.js";
import { on, set } from "./store.js";

const SHORTEST = 4000; // milliseconds
const PER_CHARACTER = 70;

/** @param {string} message */
export const say = (message) => set({ message });

/** @param {import("./mount.js").Context} context */
export function mount({ element }) {
  const line = finder(element)(".say");
  let timer = 0;
  on("message waiting offline", ({ message, waiting, offline }) => {
    const lasting = offline ? t("shell.rpc.noAnswer") : waiting ? t("shell.toast.queued", waiting) : "";
    const words = message || lasting;
    if (line.textContent !== words) line.textContent = words;
    line.hidden = !line.textContent;
  });
  on("message", ({ message }) => {
    clearTimeout(timer);
    if (message) timer = setTimeout(() => say(""), Math.max(SHORTEST, PER_CHARACTER * message.length));
  });
}
