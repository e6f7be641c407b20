/* English or Simplified Chinese, as navigator.language says (bootstrap.js puts the visitor's choice there). Texts are
   looked up by key in one file per language, of which the page loads only the visitor's. */
import { escape, raw } from "./html.js";

const TRANSLATED_ATTRIBUTES = ["aria-label", "title", "placeholder", "alt"];

export const language = /^zh\b/i.test(navigator.language) ? "zh" : "en";

/** @type {Record<string, string>} */
let texts = {};
document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";

/* Resolves once the texts are there, before which no module may look one up (mount.js). Not a top-level await: Safari
   before version 27 runs modules too early that import one with it, when several are imported at once (WebKit bug
   242740). */
export const textsLoaded = load().then((loaded) => {
  texts = loaded;
});

/** @returns {Promise<Record<string, string>>} */
async function load() {
  const file = new URL(`../i18n/${language === "zh" ? "zh-CN" : "en"}.json`, import.meta.url);
  try {
    const reply = await fetch(file); // bootstrap.js has asked for it already
    return reply.ok ? await reply.json() : {};
  } catch {
    return {}; // keys are shown then
  }
}

const fill = (text, values) => text.replace(/\{(\d)\}/g, (_, i) => values[i]);
const textOf = (key) => texts[key] ?? key;

/**
 * The text of a key in the visitor's language, with the values in the places of {0}, {1}.
 * @param {string} key
 * @param {...unknown} values
 * @returns {string}
 */
export const t = (key, ...values) => fill(textOf(key), values);

/**
 * As t() for a text with markup in it: what is filled in is escaped, the text itself is not.
 * @param {string} key
 * @param {...unknown} values
 */
export const tHtml = (key, ...values) => raw(fill(textOf(key), values.map(escape)));

/**
 * A text that the server sent: its key and what is filled in, values or texts again. A string is shown as it is.
 * @typedef {string | {key: string, params?: unknown[]}} Text
 * @param {any} text  a Text, or a value
 * @returns {string}
 */
export function localize(text) {
  if (text === null || typeof text !== "object") return String(text);
  return t(text.key, ...(text.params ?? []).map(localize));
}

/**
 * Put an element's template, which is in English, into the visitor's language: the texts of data-t="key" and the
 * attributes of data-t-title="key" and its like.
 */
export function translateElement(element) {
  if (language === "en") return;
  for (const e of element.querySelectorAll("[data-t]")) {
    const node = [...e.childNodes].findLast((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
    if (node) node.data = t(e.dataset.t);
  }
  for (const name of TRANSLATED_ATTRIBUTES) {
    const key = `data-t-${name}`;
    for (const e of element.querySelectorAll(`[${key}]`)) e.setAttribute(name, t(e.getAttribute(key)));
  }
}

/** Reload the page in another language, "en" or "zh". */
export function chooseLanguage(other) {
  const value = other === "zh" ? "zh-CN" : "en";
  try {
    localStorage.setItem("denoiser-language", value);
    location.reload();
  } catch {
    // nothing can be saved, as in a frame whose storage is blocked: the address says it
    const address = new URL(location.href);
    address.searchParams.set("language", value);
    location.assign(address);
  }
}
