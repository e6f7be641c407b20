/* What Gradio's own components of the Denoise page (kind of noise, seed, view) do in the browser. */
import { MAX_SEED, NOISE_KINDS } from "../shell/constants.js";
import { t } from "../shell/i18n.js";
import { newSeed } from "../shell/numbers.js";
import { set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";

export const setKind = (kind) => set({ kind });
export const setView = (view) => set({ view });

/** What the components begin with, which a link or a reload may have changed: kind, seed and view. */
export function startValues() {
  if (!Object.hasOwn(NOISE_KINDS, state.kind)) set({ kind: Object.keys(NOISE_KINDS)[0] });
  return [state.kind, state.seed, state.view];
}

/** While the visitor types a seed: what is none yet is ignored. */
export function typeSeed(seed) {
  const valid = Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED;
  if (valid && seed !== state.seed) set({ seed });
  return valid;
}

/** When the visitor has finished: what is none is said, and the old one put back. */
export function enterSeed(seed) {
  if (!typeSeed(seed)) say(t("denoise.controls.seedRange"));
  return state.seed;
}

export { newSeed };
