/* What happened to the digit, in one sentence, and the way to the tour. */
import { hasInk } from "../../shell/drawing.js";
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { on, set, state } from "../../shell/store.js";
import { latestAnswer } from "../board/answer.js";

/** The digit that the picture on the pad is, and which of the models read right and wrong; null where unknown. */
function verdictOf({ answer, step }) {
  if (!answer?.psnr || !answer.reads || !answer.reading || state.nonDigit) return null;
  const models = state.shownModels.map((model, i) => ({ model, row: i + 1 })).filter(({ row }) => !answer.broken[row]);
  const digit = answer.reading[0];
  const reads = ({ row }) => answer.reads[row]?.[step][0];
  return {
    digit,
    right: models.filter((one) => reads(one) === digit).map(({ model }) => model),
    wrong: models.filter((one) => reads(one) !== digit).map((one) => ({ ...one.model, digit: reads(one) })),
  };
}

/** What to say of it: the sentence, and what the tour has to do with it. */
function sentencesOf(verdict, shown) {
  if (state.isNoisyInput) return [t("visit.why.noisyInput"), t("visit.why.noisyInputHow")];
  if (!hasInk()) return [t("visit.why.empty"), t("visit.why.how")];
  if (state.nonDigit) return [t("visit.why.nonDigit"), t("visit.why.how")];
  if (!verdict || !shown) return [t("visit.why.watch"), t("visit.why.how")];
  const { digit, right, wrong } = verdict;
  const best = right.at(-1)?.label;
  if (state.ghost && wrong.length && best)
    return [t("visit.why.ghost", wrong[0].label, wrong[0].digit, best, digit), t("visit.why.why")];
  if (wrong.length && best)
    return [t("visit.why.wrong", wrong[0].label, digit, wrong[0].digit, best), t("visit.why.why")];
  if (wrong.length === 1) return [t("visit.why.lostByOne", wrong[0].label, digit, wrong[0].digit), t("visit.why.why")];
  if (wrong.length) return [t("visit.why.lost", digit), t("visit.why.why")];
  if (right.length === 1) return [t("visit.why.keptByOne", best, digit), t("visit.why.how")];
  return [t("visit.why.right", digit), t("visit.why.how")];
}

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  on("comparison sweep factor version shownModels isNoisyInput drawing", ({ drawing }) => {
    const found = latestAnswer();
    const isShown = Boolean(found.answer) && !drawing;
    [find(".what").textContent, find(".how").textContent] = sentencesOf(verdictOf(found), isShown);
  });
  find(".tour").onclick = () => set({ lesson: 1 });
  find(".teachers").onclick = () => set({ teaching: true });
}
