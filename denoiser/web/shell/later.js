/* What the other pages need besides what stands in the page itself: templates, and their scripts ahead of time. */
import { loadJson } from "./static_data.js";

/** @type {Promise<{templates: Record<string, string>, scripts: string[]}> | null} */
let later = null;

/** The templates, and the scripts as paths from the web folder; asked for again where they did not arrive. */
export function loadLater() {
  later ??= loadJson(new URL("../later.json", import.meta.url).href).catch((error) => {
    later = null;
    throw error;
  });
  return later;
}

/** Load all of it while nothing else happens, so that a tab opens at once; not over a slow or metered connection. */
export function loadWhenIdle() {
  const { saveData = false, effectiveType = "4g" } = /** @type {any} */ (navigator).connection ?? {};
  if (saveData || effectiveType !== "4g") return;
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  whenIdle(async () => {
    const found = await loadLater().catch(() => null); // the tab that needs it asks again
    for (const path of found?.scripts ?? []) {
      const href = new URL(`../${path}`, import.meta.url).href;
      document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
    }
  });
}
