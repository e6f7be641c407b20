/* What a browser has and Node has not, as far as our modules ask for it while they load. */
import { readFile } from "node:fs/promises";

const CONSTANTS = {
  noiseFactors: Array.from({ length: 21 }, (_, i) => i / 20),
  noiseKinds: { gaussian: { label: "Gaussian", meaning: "" }, speckle: { label: "Speckle", meaning: "" } },
  lossTitles: {},
  maxSeed: 2 ** 31 - 1,
  defaultSeed: 4271,
  maxModels: 11,
  maxUploadBytes: 24e6,
  views: ["picture", "difference", "wipe"],
  noisyStyle: { colour: "grey", dash: "1 3" },
};

globalThis.location ??= /** @type {any} */ ({ hash: "", href: "http://localhost/", search: "" });
globalThis.addEventListener ??= () => {};
globalThis.document ??= /** @type {any} */ ({
  documentElement: {},
  getElementById: () => ({ textContent: JSON.stringify(CONSTANTS) }),
});
globalThis.IntersectionObserver ??= /** @type {any} */ (class {});
globalThis.Node ??= /** @type {any} */ ({ TEXT_NODE: 3 });
globalThis.fetch = async (file) => new Response(await readFile(/** @type {URL} */ (file)));
Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });

const { textsLoaded } = await import("../../denoiser/web/shell/i18n.js");
await textsLoaded;
