/* A reload, also Gradio's own after a restart of the server, restores what was on the pad. The address cannot do that:
   a reload asks for the address as it was before the page was told to go. */
import { hasInk } from "../drawing.js";
import { formatLink, hasNewLink } from "../share_link.js";
import { state } from "../store.js";

const KEY = "denoiser-drawing";

/** Save the drawing, as a link, whenever the page is left. */
export function saveOnLeaving() {
  addEventListener("pagehide", () => {
    try {
      if (hasNewLink()) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, hasInk() ? formatLink(state) : "");
    } catch {
      /* storage is blocked: the drawing is lost */
    }
  });
}

/** What was saved before this reload, empty for an empty pad; null where the page was opened otherwise. */
export function savedBeforeReload() {
  const [navigation] = performance.getEntriesByType("navigation");
  if (/** @type {PerformanceNavigationTiming | undefined} */ (navigation)?.type !== "reload") return null;
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
