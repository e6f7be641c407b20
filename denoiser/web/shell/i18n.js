/* English or Simplified Chinese, as navigator.language says (bootstrap.js puts the visitor's choice there). The English
   sentence is the key; the table of translations is loaded only where it is needed. */
import { escape, raw } from "./html.js";

const TRANSLATED_ATTRIBUTES = ["aria-label", "title", "placeholder", "alt"];

export const language = /^zh\b/i.test(navigator.language) ? "zh" : "en";

/** The sentences of the visitor's language, by key. */
const sentences = await loadTable(`../i18n/${language === "zh" ? "zh-CN" : "en"}.json`);

/** @type {Record<string, string>} */
const table = language === "zh" ? await loadTable("../i18n/words.json") : {};
const patterns = patternsOf(table);
document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";

/** @returns {Promise<Record<string, string>>} */
async function loadTable(path) {
  try {
    const reply = await fetch(new URL(path, import.meta.url)); // bootstrap.js has asked for it already
    return reply.ok ? await reply.json() : {};
  } catch {
    return {}; // keys and English sentences are shown then
  }
}

/**
 * The keys with placeholders as regular expressions, the longest first, with their translations.
 * @param {Record<string, string>} translations
 * @returns {[RegExp, string][]}
 */
function patternsOf(translations) {
  const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return Object.keys(translations)
    .filter((key) => key.includes("{0}"))
    .sort((a, b) => b.length - a.length)
    .map((key) => [
      new RegExp(
        `^${key
          .split(/\{\d\}/)
          .map(literal)
          .join("(.+)")}$`,
      ),
      translations[key],
    ]);
}

const fill = (sentence, values) => sentence.replace(/\{(\d)\}/g, (_, i) => values[i]);

/** A whole sentence, with its figures, in the visitor's language. */
function translateSentence(sentence) {
  if (Object.hasOwn(table, sentence)) return table[sentence];
  for (const [pattern, translation] of patterns) {
    const values = pattern.exec(sentence);
    if (values) return fill(translation, values.slice(1).map(translateSentence));
  }
  return sentence;
}

/** The template's key, with {0}, {1} for what is filled in, in the visitor's language. */
function translateTemplate(strings) {
  const key = strings.reduce((left, right, i) => `${left}{${i - 1}}${right}`);
  return Object.hasOwn(table, key) ? table[key] : key;
}

/**
 * t("denoise.pad.clear", ...values): the sentence of a key in the visitor's language, with the values for {0}, {1}.
 * Until all texts have keys, also a template's tag, t`...`, and t(sentence) for an English sentence.
 * @param {string | TemplateStringsArray} sentence
 * @param {...unknown} values
 * @returns {string}
 */
export function t(sentence, ...values) {
  if (typeof sentence === "string" && Object.hasOwn(sentences, sentence)) return fill(sentences[sentence], values);
  if (typeof sentence === "string") return translateSentence(sentence);
  return fill(translateTemplate(sentence), values);
}

/**
 * As t() for a sentence with markup in it: what is filled in is escaped, the sentence itself is not.
 * @param {string | TemplateStringsArray} strings
 * @param {...unknown} values
 */
export function tHtml(strings, ...values) {
  if (typeof strings === "string") return raw(fill(sentences[strings] ?? strings, values.map(escape)));
  return raw(fill(translateTemplate(strings), values.map(escape)));
}

/** Put the texts and labels inside an element into the visitor's language. */
export function translateElement(element) {
  if (language === "en") return;
  translateKeys(element);
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const sentence = node.data.replace(/\s+/g, " ").trim();
    if (Object.hasOwn(table, sentence)) node.data = node.data.replace(/\S(.*\S)?/s, () => table[sentence]);
  }
  for (const name of TRANSLATED_ATTRIBUTES) {
    for (const e of element.querySelectorAll(`[${name}]`)) e.setAttribute(name, t(e.getAttribute(name)));
  }
}

/** Put the texts of data-t="key" and the attributes of data-t-title="key" and its like into the visitor's language. */
function translateKeys(element) {
  for (const e of element.querySelectorAll("[data-t]")) {
    const node = [...e.childNodes].findLast((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
    if (node) node.data = t(e.dataset.t);
    else e.append(t(e.dataset.t));
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
