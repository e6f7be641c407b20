/* A reload, also Gradio's own after a restart of the server, brings everything back. The address cannot do that alone:
   a reload asks for the address as it was before the page was told to go; and it holds nothing that can be undone, no
   trained networks and no runs of the Train page. */
import { hasNewLink } from "../address/address.js";
import { formatLink } from "../share/share_link.js";
import { set, state } from "../store.js";

const KEY = "denoiser-session";
const MOST = 2_000_000; // characters; browsers take about five million of one site
const UNDONE = 30; // drawings that can be undone after a reload

/** What is saved, the parts that can be spared last. */
const contents = () => [
  ["link", formatLink(state, location.hash)],
  ["trainingTicket", state.trainingTicket],
  ["userModels", state.userModels],
  ["past", state.past.slice(-UNDONE)],
  ["future", state.future.slice(-UNDONE)],
  ["runs", state.runs],
];

/** What is on the page, as text that fits. */
function packSession() {
  const saved = {};
  let room = MOST;
  for (const [name, value] of contents()) {
    room -= JSON.stringify(value).length;
    if (room < 0) break;
    saved[name] = value;
  }
  return JSON.stringify(saved);
}

/** Save what is on the page whenever it is left. */
export function saveOnLeaving() {
  addEventListener("pagehide", () => {
    try {
      if (hasNewLink()) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, packSession());
    } catch {
      /* storage is blocked or full: what only it would hold is lost */
    }
  });
}

/** Take over what was saved before this reload: its link, or null where the page was opened otherwise. */
export function restoreSession() {
  const [navigation] = performance.getEntriesByType("navigation");
  if (/** @type {PerformanceNavigationTiming | undefined} */ (navigation)?.type !== "reload") return null;
  try {
    const { link = null, ...rest } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    set(rest);
    return link;
  } catch {
    return null;
  }
}
