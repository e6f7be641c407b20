/* Elements found by selector, and markup. This is the only module that writes markup into the page: a lint rule forbids
   innerHTML and its like everywhere else, so text of unknown origin (names and titles of checkpoints, say) can only get
   there escaped. */

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

/**
 * What finds elements in a parent: the first one of a selector. It fails unless that is of the class.
 * @param {ParentNode} parent
 */
export function finder(parent) {
  /**
   * @template {Element} [T=HTMLElement]
   * @param {string} selector
   * @param {new () => T} [type]
   */
  return (selector, type = /** @type {any} */ (HTMLElement)) => ofClass(type, parent.querySelector(selector), selector);
}

/**
 * All elements of a selector in a parent. It fails unless they are of the class.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => T} [type]
 */
export const findAll = (parent, selector, type = /** @type {any} */ (HTMLElement)) =>
  Array.from(parent.querySelectorAll(selector), (element) => ofClass(type, element, selector));

/**
 * @template {Element} T
 * @param {new () => T} type
 * @param {Element | null} element
 * @param {string} selector  by which it was found
 */
function ofClass(type, element, selector) {
  if (element instanceof type) return element;
  throw new TypeError(element ? `${selector} is no ${type.name}` : `there is no ${selector}`);
}

/**
 * The element of a selector that an event happened in, or null.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const closestTarget = (event, selector) => /** @type {Element} */ (event.target).closest(selector);
