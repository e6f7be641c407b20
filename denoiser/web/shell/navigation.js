/* To another page, and files to the visitor's disk. */

/** The tabs, by the names that their elements have. */
export const PAGES = /** @type {const} */ (["denoise", "possible-originals", "latent-space", "models", "train"]);

/** @typedef {typeof PAGES[number]} Page */

const SHORT = { originals: "possible-originals", latent: "latent-space" };

/**
 * The tab that a visitor means by a name such as "Models", "latent" or "Latent space"; null for none.
 * @param {string} name
 * @returns {Page | null}
 */
export function pageNamed(name) {
  const slug = name.toLowerCase().replace(/%20|[\s+_]/g, "-");
  const found = Object.hasOwn(SHORT, slug) ? SHORT[slug] : slug;
  return PAGES.find((page) => page === found) ?? null;
}

const buttonOf = (page) => document.getElementById(`${page}-tab-button`);

/** Call back once the tabs are there. */
function whenReady(callback) {
  if (buttonOf(PAGES[0])) return callback();
  const waiting = new MutationObserver(() => {
    if (!buttonOf(PAGES[0])) return;
    waiting.disconnect();
    callback();
  });
  waiting.observe(document.body, { childList: true, subtree: true });
}

/**
 * Open a tab.
 * @param {Page} page
 */
export const openPage = (page) => whenReady(() => buttonOf(page)?.click());

/**
 * Call back with the tab in view and its name in the visitor's language: once it is there, and whenever another opens.
 * @param {(page: Page, title: string) => void} callback
 */
export const onPage = (callback) =>
  whenReady(() => {
    let last = null;
    const look = () => {
      const page = PAGES.find((page) => buttonOf(page)?.getAttribute("aria-selected") === "true");
      if (!page || page === last) return;
      last = page;
      callback(page, buttonOf(page).textContent.trim());
    };
    const changes = { attributes: true, attributeFilter: ["aria-selected"], subtree: true };
    new MutationObserver(look).observe(document.body, changes);
    look();
  });

/**
 * Save what an address holds as a file.
 * @param {string} href
 * @param {string} name
 */
export const download = (href, name) => Object.assign(document.createElement("a"), { href, download: name }).click();
