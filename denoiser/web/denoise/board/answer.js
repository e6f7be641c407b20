/* Which of the server's answers the cards show. */
import { hasInk } from "../../shell/drawing.js";
import { state } from "../../shell/store.js";
import { questionOf } from "./sweep_client.js";

/** Whether an answer is to the present question. */
export const isLatest = (answer) => answer?.asked === questionOf(state);

/**
 * The answer to show, which of its noise factors, and whether it is out of date.
 * @returns {{answer: import("./sweep_client.js").Comparison | null, step: number, isStale: boolean}}
 */
export function latestAnswer() {
  const { sweep, comparison, factor, isNoisyInput, shownModels } = state;
  const latest = isLatest(sweep) ? sweep : comparison;
  const names = ["noisy", ...shownModels.map((model) => model.name)].join(); // else it is of other models
  if (!hasInk() || latest?.names.join() !== names) return { answer: null, step: 0, isStale: false };
  const found = isNoisyInput ? 0 : latest.factors.findIndex((f) => Math.abs(f - factor) < 1e-6);
  return { answer: latest, step: Math.max(0, found), isStale: found < 0 || !isLatest(latest) };
}
