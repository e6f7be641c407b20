/* Terms with a dotted underline: what one means is said in a sentence, on hover, by keyboard and on touch. */
import { escape, html, raw } from "../../shell/html.js";
import { language, t } from "../../shell/i18n.js";

const GAP = 8; // pixels between a term and its explanation
const MARGIN = 12; // pixels that the explanation keeps from the window's edge
/** @type {HTMLElement | null} */
let box = null;
/** @type {HTMLElement | null} */
let shown = null;

/**
 * The markup of a term.
 * @param {string} name  of its entry, "glossary.<name>", in the tables of texts
 * @param {string} text
 * @param {boolean} [reachable]  by the Tab key: only where the page says it first
 */
export const term = (name, text, reachable = true) =>
  html`<dfn class="term" data-term="${name}" tabindex="${reachable ? 0 : -1}">${text}</dfn>`;

/** A sentence as markup, in which [psnr|PSNR] stands for a term. */
export function withTerms(sentence) {
  const parts = sentence.split(/\[(\w+)\|([^\]]+)\]/);
  return raw(
    parts.map((part, i) => (i % 3 === 0 ? escape(part) : i % 3 === 1 ? escape(term(part, parts[i + 1])) : "")).join(""),
  );
}

/** A sentence with terms in it, as plain text. */
export const withoutTerms = (sentence) => sentence.replace(/\[\w+\|([^\]]+)\]/g, "$1");

function makeBox() {
  box = Object.assign(document.createElement("div"), { id: "term-explained", className: "term-box", hidden: true });
  box.setAttribute("role", "tooltip");
  box.lang = language === "zh" ? "zh-Hans" : "en";
  document.querySelector(".gradio-container")?.append(box);
}

function hide() {
  shown?.removeAttribute("aria-describedby");
  shown = null;
  if (box) box.hidden = true;
}

function show(element) {
  if (shown === element) return;
  hide();
  if (!box) makeBox();
  shown = element;
  box.textContent = t(`glossary.${element.dataset.term}`);
  box.hidden = false;
  element.setAttribute("aria-describedby", box.id);
  const at = element.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const below = at.bottom + GAP + height <= innerHeight - MARGIN;
  box.style.left = `${Math.max(MARGIN, Math.min(at.left - MARGIN, innerWidth - width - MARGIN))}px`;
  box.style.top = `${below ? at.bottom + GAP : Math.max(MARGIN, at.top - GAP - height)}px`;
}

/** Explain every term of the page, wherever and whenever it appears. */
export function startTerms() {
  const termOf = (event) => (event.target instanceof Element ? event.target.closest(".term") : null);
  document.addEventListener("pointerover", (event) => {
    const element = termOf(event);
    if (element) show(element);
    else if (shown && event.pointerType === "mouse" && document.activeElement !== shown) hide();
  });
  document.addEventListener("focusin", (event) => {
    const element = termOf(event);
    if (element) show(element);
    else hide();
  });
  document.addEventListener("click", (event) => {
    const element = termOf(event);
    if (!element) return hide();
    event.preventDefault();
    show(element);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  addEventListener("scroll", hide, { passive: true });
}
