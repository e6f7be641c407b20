/* Plotly, which draws the charts. It is large, so it is loaded when the first chart comes into view. */

/** @type {Promise<any> | null} */
let loading = null;

/**
 * Plotly itself; rejects where its script cannot be had, and asks for it again the next time.
 * @param {string | null} address  of its script; null where the server has none
 */
export function loadPlotly(address) {
  loading ??= loadScript(address).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** @param {string | null} address */
function loadScript(address) {
  return new Promise((resolve, reject) => {
    if (!address) throw new Error("the server has no Plotly");
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI).href;
    script.onload = script.onerror = () => {
      script.remove();
      const { Plotly } = /** @type {any} */ (window);
      if (Plotly) resolve(Plotly);
      else reject(new Error(`${address} could not be loaded`));
    };
    document.head.append(script);
  });
}
