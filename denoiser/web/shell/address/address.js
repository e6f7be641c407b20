/* The address follows the page: each tab that is opened is an entry of the browser's history, and whatever else changes
   is written into the present one. On the Hub that is the address of the page around this one, which takes a new # as
   a message. */
import { hasInk } from "../drawing.js";
import { t } from "../i18n.js";
import { onPage, openPage } from "../navigation.js";
import { formatLink } from "../share/share_link.js";
import { on, set, state } from "../store.js";
import { say } from "../toast.js";
import { readAddress } from "./parts.js";

const HUB = "https://huggingface.co";
const REST = 400; // milliseconds without a change before it is written: browsers refuse more than a few writes a second
const WRITTEN =
  "version kind seed factor isNoisyInput cleanReader shownModels view draw latentView pins modelShown " +
  "trainingForm trainingState";
const TITLE = "Denoiser";

let known = location.hash; // what we wrote, or were opened with
let pristine = null; // what would be written before the visitor did anything
let timer = 0;

/** Where this page stands in a frame: the origin of the page around it. */
function parentOrigin() {
  if (parent === window) return null;
  if (location.ancestorOrigins) return location.ancestorOrigins[0];
  return document.referrer && new URL(document.referrer).origin; // Firefox
}

/** Write what is on the page into the address, by `history.pushState` or `history.replaceState`. */
function write(method) {
  clearTimeout(timer);
  const hash = formatLink(state, known);
  if (method === "replaceState" && hash === known) return;
  try {
    history[method]({ page: state.page }, "", location.href.split("#")[0] + hash);
  } catch {
    return; // too many in a short time: the next change writes this one too
  }
  known = location.hash;
  if (parentOrigin() === HUB) parent.postMessage({ hash: known }, HUB);
}

/** Write at once what is on the page into the address; the address. */
export function keepInAddress() {
  write("replaceState");
  return location.href.split("#")[0] + formatLink(state, known);
}

/**
 * Set or, empty, remove a part of the address that is neither the tab nor what is on the page, such as lesson=4.
 * @param {string} name
 * @param {string} value
 */
export function setPart(name, value) {
  const others = readAddress(known).others.filter((part) => !part.startsWith(`${name}=`));
  if (value) others.push(`${name}=${value}`);
  const hash = formatLink(state, `#${others.join("&")}`);
  history.replaceState({ page: state.page }, "", location.href.split("#")[0] + hash);
  known = location.hash;
}

/** Whether the visitor put another link into the address of the open page: a reload opens it. */
export const hasNewLink = () => location.hash !== known;

/** Follow what the visitor does, from the tab that the address names. */
export function startAddress() {
  const asked = readAddress(location.hash).page ?? pageOfQuery();
  if (asked) set({ page: asked });
  let isReturning = false; // Back or Forward was pressed
  let isOpening = true; // the tab that the address names

  onPage((page, title) => {
    document.title = page === "denoise" ? TITLE : `${title} · ${TITLE}`;
    if (isOpening && page !== state.page) return; // the first tab, before the one asked for
    const changed = page !== state.page;
    if (changed) set({ page });
    if (changed && !isReturning && !isOpening) write("pushState");
    else if (!isOpening) write("replaceState");
    isOpening = isReturning = false;
  });
  if (state.page !== "denoise") openPage(state.page);

  on(WRITTEN, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!state.shownModels.length) return; // not there yet
      pristine ??= formatLink(state, known);
      const isOwn = hasInk() && !state.ghost; // drawn before the page came to rest for the first time
      if (known || isOwn || formatLink(state, known) !== pristine) write("replaceState");
    }, REST);
  });
  addEventListener("popstate", () => {
    const { page, facts } = readAddress(location.hash);
    if (history.state === null && facts !== null) return location.reload(); // a link put into the address
    known = location.hash;
    isReturning = (page ?? "denoise") !== state.page;
    openPage(page ?? "denoise");
    if (!isReturning) write("replaceState");
  });
}

/** The tab that an address names before its #, as in ?tab=models. */
function pageOfQuery() {
  return readAddress(new URLSearchParams(location.search).get("tab") ?? "").page;
}

export async function copyLink() {
  const link = keepInAddress();
  try {
    await navigator.clipboard.writeText(link);
    say(t("shell.address.copied"));
  } catch {
    say(t("shell.address.inAddressBar"));
  }
}
