/* The table of all models, in which one is chosen, and the bar that stays in sight below it. */
import { html, setHtml } from "../shell/html.js";
import { localize, t, tHtml } from "../shell/i18n.js";
import { colour, count, duration, figure, NONE } from "./format.js";

/** The last validation loss, with its unit unless that is nats per pixel. */
function validationLoss({ loss, validation }) {
  if (!loss) return NONE;
  const units = { bce: "", elbo: "nats", "cross-entropy": "CE" };
  const unit = units[loss] ?? loss.toUpperCase();
  return html`${figure(validation.at(-1))}${unit && html` <small>${unit}</small>`}`;
}

/** The PSNR on the test set at a noise factor. */
const testPsnr = (entry, factor) => entry.curve.find(([f]) => Math.abs(f - factor) < 1e-9)?.[1];

/** The columns: CSS class, heading, a cell's content, and its tooltip where it may be cut off. */
function columnsOf(entries, factors) {
  const columns = [
    {
      css: "l",
      heading: t("models.page.model"),
      cell: (e) => html`<button type="button"><i class="swatch" style="--c:${colour(e.family)}"></i>${e.name}</button>`,
    },
    {
      css: "l cut",
      heading: t("models.modelList.whatItIs"),
      cell: (e) => localize(e.title),
      tooltip: (e) => localize(e.title),
    },
    {
      css: "l",
      heading: t("common.trainedOn"),
      cell: (e) => localize(e.trained_on) || html`<small>${t("models.modelList.nothingToTrain")}</small>`,
    },
    { css: "", heading: t("models.modelList.parameters"), cell: (e) => (e.parameters ? count(e.parameters) : NONE) },
    { css: "", heading: "kB", cell: (e) => (e.bytes ? count(Math.round(e.bytes / 1000)) : NONE) },
    { css: "", heading: t("models.modelList.epochs"), cell: (e) => e.epochs || NONE },
    {
      css: "",
      heading: t("models.modelList.training"),
      cell: (e) => (e.epochs ? html`<span title="${e.device ?? ""}">${duration(e.seconds)}</span>` : NONE),
    },
    { css: "", heading: tHtml("models.modelList.validationLoss"), cell: (e) => html`<b>${validationLoss(e)}</b>` },
    {
      css: "l cut narrow",
      heading: t("models.page.sourceSays"),
      cell: (e) => (e.headline_bce ? html`<b>${e.headline_bce}</b>` : e.headline ? localize(e.headline) : NONE),
      tooltip: (e) => localize(e.headline),
    },
  ];
  if (!entries.some((e) => e.curve.length)) return columns; // never evaluated
  const measured = factors.map((factor) => ({
    css: "",
    heading: tHtml("models.modelList.testPsnr", factor),
    cell: (e) => (testPsnr(e, +factor) == null ? NONE : html`<b>${testPsnr(e, +factor).toFixed(1)}</b>`),
  }));
  return [...columns, ...measured];
}

/** The table and its caption, as markup. */
function table(entries, factors) {
  const columns = columnsOf(entries, factors);
  const cell = (e, { css, cell, tooltip }) =>
    html`<td class="${css}" ${tooltip ? html`title="${tooltip(e)}"` : ""}>${cell(e)}</td>`;
  return html`<thead>
      <tr>
        ${columns.map(({ css, heading }) => html`<th scope="col" class="${css.split(" ")[0]}">${heading}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${entries.map(
        (e) =>
          html`<tr data-name="${e.name}" style="--c:${colour(e.family)}">
            ${columns.map((column) => cell(e, column))}
          </tr>`,
      )}
    </tbody>`;
}

function caption(entries) {
  const trained = entries.filter((e) => e.epochs).length;
  const filters = entries.length - trained;
  const parts = [
    t("models.modelList.trainedCount", trained),
    filters ? t("models.modelList.filterCount", filters) : "",
    t("models.modelList.unit"),
  ];
  return parts.filter(Boolean).join("; ");
}

/**
 * Build the table and the bar; `choose(name)` is called when a model is chosen in either.
 * @param {any} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {string[]} factors  noise factors whose PSNR on the test set has a column
 * @param {(name: string) => void} choose
 * @returns {() => void} marks the model shown in both
 */
export function mountModelList(element, selection, factors, choose) {
  const find = (selector) => element.querySelector(selector);
  const { entries } = selection;
  const list = find(".shelf-table");
  const select = find(".chooser select");
  const move = (by) => choose(selection.neighbour(by));

  setHtml(list, table(entries, factors));
  find(".shelf .count").textContent = caption(entries);
  list.addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    if (row) choose(row.dataset.name);
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(by);
    list.querySelector("tr[aria-selected=true] button").focus();
  });

  setHtml(
    select,
    entries.map((e) => html`<option>${e.name}</option>`),
  );
  select.onchange = () => choose(select.value);
  find(".previous").onclick = () => move(-1);
  find(".next").onclick = () => move(1);
  find(".up").onclick = () => find(".shelf").scrollIntoView({ block: "start" });

  return () => {
    for (const row of list.querySelectorAll("tbody tr")) {
      const isShown = row.dataset.name === selection.name;
      row.setAttribute("aria-selected", String(isShown));
      row.querySelector("button").tabIndex = isShown ? 0 : -1;
    }
    select.value = selection.name;
    find(".chooser .title").textContent = localize(selection.model.title);
  };
}
