/* To another page, and files to the visitor's disk. */

/** @param {"denoise" | "possible-originals" | "latent-space" | "models" | "train"} page */
export const openPage = (page) => document.getElementById(`${page}-tab-button`)?.click();

/**
 * Save what an address holds as a file.
 * @param {string} href
 * @param {string} name
 */
export const download = (href, name) => Object.assign(document.createElement("a"), { href, download: name }).click();
