/* The only module that writes markup into the page. A lint rule forbids innerHTML and its like everywhere else, so text
   of unknown origin (names and titles of checkpoints, say) can only get there escaped. */

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Markup that may be written into the page as it is. */
class Markup {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * The markup of a value: text is escaped, Markup is not, lists are joined, null and undefined are empty.
 * @param {unknown} value
 * @returns {string}
 */
export function escape(value) {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(escape).join("");
  if (value === null || value === undefined) return "";
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/**
 * A template's tag, html`...`: markup, whatever is filled in escaped.
 * @param {TemplateStringsArray} strings
 * @param {...unknown} values
 */
export function html(strings, ...values) {
  return new Markup(strings.reduce((left, right, i) => left + escape(values[i - 1]) + right));
}

/**
 * Markup that we wrote ourselves: never for what comes from a file, the server or a visitor.
 * @param {string} text
 */
export const raw = (text) => new Markup(text);

/**
 * Replace what is inside an element.
 * @param {Element} element
 * @param {Markup | Markup[]} markup
 */
export function setHtml(element, markup) {
  element.innerHTML = textOf(markup);
}

/**
 * Add at the end of an element.
 * @param {Element} element
 * @param {Markup | Markup[]} markup
 */
export function appendHtml(element, markup) {
  element.insertAdjacentHTML("beforeend", textOf(markup));
}

function textOf(markup) {
  if (Array.isArray(markup)) return markup.map(textOf).join("");
  if (!(markup instanceof Markup)) throw new TypeError("only html`...` may be written into the page");
  return markup.text;
}
