/* Which models stand side by side. Their order is fixed, whatever the order of choosing. */
import { MAX_MODELS } from "../../shell/constants.js";
import { findAll, finder, html, setHtml } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { closesLikeMenu } from "../../shell/menu.js";
import { displayName } from "../../shell/model_names.js";
import { on, set, state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";

export const MISSING = t("denoise.modelPicker.missing");

/**
 * The visitor's own models, each with a style that it keeps when others go: yours-1 has the first of its family.
 * @param {Record<string, import("../../shell/constants.js").LineStyle[]>} stylesByFamily
 */
function userModels(stylesByFamily) {
  return state.userModels.map((model) => {
    const styles = stylesByFamily[model.family];
    const number = Number(model.name.split("-")[1]) - 1;
    return { ...model, style: styles[number % styles.length] };
  });
}

/** The models, labelled by what they are called among each other. */
const labelled = (models) => models.map((model) => ({ ...model, label: displayName(model, models) }));

const GROUPS = ["dense", "conv", "vae", "unet", "recurrent", "filter"];

/** A model's row in the list: its name and, below, its title. */
const rowMarkup = ({ name, family, label, title }) =>
  html` <label style="--c:var(--${family})">
    <input type="checkbox" value="${name}" /><i class="swatch"></i><b>${label}</b><span>${title}</span>
  </label>`;

/** The list of all models by family, as markup; those of the visitor first. */
const listMarkup = (models, missing) => [
  models.filter((model) => model.userModelId).map(rowMarkup),
  GROUPS.map((family) => {
    const members = models.filter((model) => model.family === family && !model.userModelId);
    return members.length ? [html`<h4>${t(`visit.group.${family}`)}</h4>`, ...members.map(rowMarkup)] : [];
  }).flat(),
  missing.map(
    ({ name }) =>
      html` <label>
        <input type="checkbox" value="${name}" disabled /><i></i><b>${name}</b><span>${MISSING}</span>
      </label>`,
  ),
];

/**
 * Choose the models of the link, else the featured ones, and follow the visitor's choice from then on.
 * @param {HTMLDetailsElement} picker
 * @param {import("./board.js").Props} props
 * @returns {(names: string[]) => void} takes models of the visitor away that the server no longer has
 */
export function mountModelPicker(picker, props) {
  const { models, missing, featured } = props;
  const find = finder(picker);
  const boxes = () => findAll(picker, "input[type=checkbox]", HTMLInputElement);
  const all = () =>
    [...userModels(props.user_model_styles), ...models] // the visitor's own first, to be seen at once
      .map((model) => ({ ...model, label: localize(model.label), title: localize(model.title) }));
  const choose = (names) => set({ shownModels: labelled(all().filter((model) => names.includes(model.name))) });
  const list = () => setHtml(find(".rows"), listMarkup(labelled(all()), missing).flat());

  picker.onchange = ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.type !== "checkbox") return;
    const names = boxes()
      .filter((box) => box.checked)
      .map((box) => box.value);
    if (names.length && names.length <= MAX_MODELS) return choose(names);
    target.checked = !target.checked;
    say(names.length ? t("denoise.modelPicker.tooMany", MAX_MODELS) : t("denoise.modelPicker.atLeastOne"));
  };
  find(".done").onclick = closesLikeMenu(picker);
  /* the search leaves out rows, and headings with no row below them */
  const search = find(".find", HTMLInputElement);
  search.oninput = () => {
    const wanted = search.value.trim().toLowerCase();
    let heading = null;
    for (const row of findAll(picker, ".rows > *")) {
      if (row.matches("h4")) heading = row;
      const isWanted = row.textContent.toLowerCase().includes(wanted);
      row.hidden = row.matches("h4") ? wanted !== "" : !isWanted;
      if (!row.hidden && heading) heading.hidden = false;
    }
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
    find(".count").textContent = t("visit.picker.count", shownModels.length, MAX_MODELS);
    picker.querySelector("summary").textContent = t("visit.more", all().length - shownModels.length);
  });

  /* a step of the tour asks for others */
  on("lesson requestedModels", ({ lesson, requestedModels }) => {
    const asked = requestedModels.filter(isKnown);
    if (lesson && asked.length) choose(asked);
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
