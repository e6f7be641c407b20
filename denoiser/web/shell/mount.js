/* How a component starts: Gradio's js_on_load imports this module and names the component's own. As every component
   imports it, the page starts here too: once its texts are there, which many modules look up as soon as they run. */
import { raw, setHtml } from "./html.js";
import { textsLoaded, translateElement } from "./i18n.js";
import { loadLater } from "./later.js";
import { labelTestIds } from "./start/test_ids.js";

/**
 * What Gradio gives a component, and every component's `mount` gets.
 * @template {object} [Props={}]
 * @typedef {object} Context
 * @property {HTMLElement} element  that its template is in
 * @property {Props} props  what Python gave it, by name
 * @property {Record<string, (request: string | null, ticket?: string) => Promise<string>>} server
 * @property {(event: string, data?: unknown) => void} trigger
 * @property {(names: string | string[], callback: () => void) => void} watch
 */

const started = textsLoaded.then(() => import("./start/start.js"));

/**
 * Import a script once the page has started.
 * @param {string} path  from the web folder
 */
export async function importScript(path) {
  await started;
  return import(new URL(`../${path}`, import.meta.url).href);
}

/**
 * Load what is not in the page yet, translate a component's template and run its script.
 * @param {string} path  of template and script, from the web folder, without their endings
 * @param {{script: boolean, template: boolean}} loads  whether there is a script, and whether its template is loaded
 * @param {Context} context
 */
export async function mountComponent(path, loads, context) {
  const replayClicks = holdClicks(context.element);
  const script = loads.script ? importScript(`${path}.js`) : null;
  if (loads.template) setHtml(context.element, raw((await loadLater()).templates[path]));
  await started;
  translateElement(context.element);
  await styled();
  (await script)?.mount(context);
  labelTestIds();
  replayClicks();
}

/**
 * Hold back the clicks on a component whose script is still on its way: a form would submit itself and reload the page.
 * @param {HTMLElement} element
 * @returns {() => void}  makes them again
 */
function holdClicks(element) {
  /** @type {HTMLElement[]} */
  const clicked = [];
  const hold = (/** @type {MouseEvent} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    const target = /** @type {Element} */ (event.target);
    clicked.push(target.closest("button, a, label, input, select, summary") ?? element);
  };
  element.addEventListener("click", hold, { capture: true });
  return () => {
    element.removeEventListener("click", hold, { capture: true });
    for (const target of clicked) target.click();
  };
}

/** Until our stylesheet applies: components measure themselves and read the theme's colours. */
async function styled() {
  /** @type {HTMLLinkElement | null} */
  const link = document.querySelector('link[rel="stylesheet"][href*="/style.css"]');
  if (!link || link.sheet) return;
  await new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
}
