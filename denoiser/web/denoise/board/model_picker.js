/* Which models stand side by side. Their order is fixed, whatever the order of choosing. */
import { MAX_MODELS } from "../../shell/constants.js";
import { html, setHtml } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { on, set, state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";

export const MISSING = t("denoise.modelPicker.missing");

/**
 * The visitor's own models, each with its style.
 * @param {Record<string, import("../../shell/constants.js").LineStyle[]>} stylesByFamily
 */
function userModels(stylesByFamily) {
  const counts = {};
  return state.userModels.map((model) => {
    const styles = stylesByFamily[model.family];
    const number = (counts[model.family] = (counts[model.family] ?? -1) + 1);
    return { ...model, style: styles[number % styles.length] };
  });
}

/** What the cards say of the models: a family's label where only one of the family is shown, else the model's name. */
function labelled(models) {
  return models.map((model) => {
    const isAlone = models.filter((other) => other.label === model.label).length === 1;
    const familyLabel = model.label;
    return {
      ...model,
      familyLabel,
      label: isAlone ? familyLabel : model.name,
      detail: isAlone ? model.name : "",
    };
  });
}

/** The list of all models, as markup. */
const listMarkup = (models, missing) => [
  models.map(
    ({ name, family, title }) =>
      html` <label style="--c:var(--${family})">
        <input type="checkbox" value="${name}" /><i class="swatch"></i><b>${name}</b><span>${title}</span>
      </label>`,
  ),
  missing.map(
    ({ name }) =>
      html` <label>
        <input type="checkbox" value="${name}" disabled /><i></i><b>${name}</b><span>${MISSING}</span>
      </label>`,
  ),
];

/**
 * Choose the models of the link, else the featured ones, and follow the visitor's choice from then on.
 * @param {any} picker  the <details> element
 * @param {any} props  of the board: models, missing ones, names of those featured, styles for the visitor's own
 * @returns {(names: string[]) => void} takes models of the visitor away that the server no longer has
 */
export function mountModelPicker(picker, props) {
  const { models, missing, featured } = props;
  const boxes = () => [...picker.querySelectorAll("input")];
  const all = () =>
    [...userModels(props.user_model_styles), ...models] // the visitor's own first, to be seen at once
      .map((model) => ({ ...model, label: localize(model.label), title: localize(model.title) }));
  const choose = (names) => set({ shownModels: labelled(all().filter((model) => names.includes(model.name))) });
  const list = () => setHtml(picker.querySelector(".list"), listMarkup(all(), missing).flat());

  picker.onchange = (event) => {
    const names = boxes()
      .filter((box) => box.checked)
      .map((box) => box.value);
    if (names.length && names.length <= MAX_MODELS) return choose(names);
    event.target.checked = !event.target.checked;
    say(names.length ? t("denoise.modelPicker.tooMany", MAX_MODELS) : t("denoise.modelPicker.atLeastOne"));
  };
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !picker.contains(target)) picker.open = false;
  });
  picker.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    picker.open = false;
    picker.querySelector("summary").focus();
  };

  list();
  const isKnown = (name) => models.some((model) => model.name === name);
  const unknown = state.requestedModels.filter((name) => !isKnown(name));
  if (unknown.length) {
    const names = unknown.slice(0, 3).join(t("common.comma")).slice(0, 90);
    say(t("denoise.modelPicker.unknown", names));
  }
  const requested = state.requestedModels.filter(isKnown).slice(0, MAX_MODELS);
  choose(requested.length ? requested : featured);
  on("shownModels", ({ shownModels }) => {
    for (const box of boxes()) box.checked = shownModels.some((model) => model.name === box.value);
  });

  /* a new model of the visitor's is shown at once; one that the server no longer has is taken away */
  let known = [];
  on("userModels", ({ userModels, shownModels }) => {
    const before = known;
    const names = userModels.map((model) => model.name);
    if (names.join() === before.join()) return;
    known = names;
    list();
    const added = names.filter((name) => !before.includes(name));
    const kept = shownModels
      .map((model) => model.name)
      .filter((name) => !before.includes(name) || names.includes(name))
      .slice(0, MAX_MODELS - added.length);
    const chosen = [...kept, ...added];
    choose(chosen.length ? chosen : featured);
  });
  return (names) => {
    set({ userModels: state.userModels.filter((model) => !names.includes(model.name)) });
    say(t("denoise.modelPicker.userModelGone"));
  };
}
