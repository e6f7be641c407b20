/* One line for people: what went wrong and what to do. It stays as long as it takes to read; the position in the queue,
   as long as the visitor waits. */
import { t } from "./i18n.js";
import { on, set } from "./store.js";

const SHORTEST = 4000; // milliseconds
const PER_CHARACTER = 70;

/** @param {string} message */
export const say = (message) => set({ message });

export function mount({ element }) {
  const line = element.querySelector(".say");
  let timer = 0;
  on("message waiting", ({ message, waiting }) => {
    const queued = t("shell.toast.queued", waiting);
    line.textContent = message || (waiting && queued) || "";
    line.hidden = !line.textContent;
  });
  on("message", ({ message }) => {
    clearTimeout(timer);
    if (message) timer = setTimeout(() => say(""), Math.max(SHORTEST, PER_CHARACTER * message.length));
  });
}
