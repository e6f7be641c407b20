/* Data that are the same for every visitor: files that the browser keeps, loaded where they are needed. */

/**
 * @param {string} address  relative to the page's
 * @returns {Promise<Response>} the file; rejects where it cannot be had
 */
async function load(address) {
  const response = await fetch(new URL(address, document.baseURI));
  if (!response.ok) throw new Error(`${response.status} for ${address}`);
  return response;
}

/** @param {string} address */
export const loadJson = async (address) => (await load(address)).json();

/** @param {string} address */
export const loadBytes = async (address) => (await load(address)).arrayBuffer();
