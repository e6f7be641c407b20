/* The table of all models, in which one is chosen, and the bar that stays in sight below it. */
import { closestTarget, findAll, finder, html, setHtml } from "../shell/html.js";
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

/** The columns: CSS class, heading, the value to sort by, a cell's content, and its tooltip where it may be cut off. */
function columnsOf(entries, factors) {
  const columns = [
    {
      css: "l",
      heading: t("models.page.model"),
      value: (e) => e.name,
      cell: (e) => html`<button type="button"><i class="swatch" style="--c:${colour(e.family)}"></i>${e.name}</button>`,
    },
    {
      css: "l cut",
      heading: t("models.modelList.whatItIs"),
      value: (e) => localize(e.title),
      cell: (e) => localize(e.title),
      tooltip: (e) => localize(e.title),
    },
    {
      css: "l",
      heading: t("common.trainedOn"),
      value: (e) => localize(e.trained_on),
      cell: (e) => localize(e.trained_on) || html`<small>${t("models.modelList.nothingToTrain")}</small>`,
    },
    {
      css: "",
      heading: t("models.modelList.parameters"),
      value: (e) => e.parameters || null,
      cell: (e) => (e.parameters ? count(e.parameters) : NONE),
    },
    {
      css: "",
      heading: "kB",
      value: (e) => e.bytes || null,
      cell: (e) => (e.bytes ? count(Math.round(e.bytes / 1000)) : NONE),
    },
    { css: "", heading: t("models.modelList.epochs"), value: (e) => e.epochs || null, cell: (e) => e.epochs || NONE },
    {
      css: "",
      heading: t("models.modelList.training"),
      value: (e) => (e.epochs ? e.seconds : null),
      cell: (e) => (e.epochs ? html`<span title="${e.device ?? ""}">${duration(e.seconds)}</span>` : NONE),
    },
    {
      css: "",
      heading: tHtml("models.modelList.validationLoss"),
      value: (e) => e.validation.at(-1),
      cell: (e) => html`<b>${validationLoss(e)}</b>`,
    },
    {
      css: "l cut narrow",
      heading: t("models.page.sourceSays"),
      value: (e) => e.headline_bce,
      cell: (e) => (e.headline_bce ? html`<b>${e.headline_bce}</b>` : e.headline ? localize(e.headline) : NONE),
      tooltip: (e) => localize(e.headline),
    },
  ];
  if (!entries.some((e) => e.curve.length)) return columns; // never evaluated
  const measured = factors.map((factor) => ({
    css: "",
    heading: tHtml("models.modelList.testPsnr", factor),
    value: (e) => testPsnr(e, +factor),
    cell: (e) => (testPsnr(e, +factor) == null ? NONE : html`<b>${testPsnr(e, +factor).toFixed(1)}</b>`),
  }));
  return [...columns, ...measured];
}

const direction = ({ down }) => (down ? "descending" : "ascending");

/** The entries in the order of a column: numbers by size, those without one last; null for the usual order. */
function sorted(entries, columns, order) {
  if (!order) return entries;
  const { value } = columns[order.column];
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b) * (order.down ? -1 : 1);
  const [known, unknown] = [true, false].map((has) => entries.filter((e) => ((value(e) ?? null) !== null) === has));
  return [...known.sort((a, b) => compare(value(a), value(b))), ...unknown];
}

/** The table and its caption, as markup. */
function table(entries, factors, order) {
  const columns = columnsOf(entries, factors);
  const cell = (e, { css, cell, tooltip }) =>
    html`<td class="${css}" ${tooltip ? html`title="${tooltip(e)}"` : ""}>${cell(e)}</td>`;
  return html`<thead>
      <tr>
        ${columns.map(
          ({ css, heading }, i) =>
            html`<th
              scope="col"
              class="${css.split(" ")[0]}"
              aria-sort="${order?.column === i ? direction(order) : "none"}"
            >
              <button type="button" data-column="${i}">${heading}</button>
            </th>`,
        )}
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
  return parts.filter(Boolean).join(t("common.semicolon"));
}

/**
 * Build the table and the bar; `choose(name)` is called when a model is chosen in either.
 * @param {HTMLElement} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {string[]} factors  noise factors whose PSNR on the test set has a column
 * @param {(name: string) => void} choose
 * @returns {() => void} marks the model shown in both
 */
export function mountModelList(element, selection, factors, choose) {
  const find = finder(element);
  const { entries } = selection;
  const list = find(".shelf-table");
  const select = find(".chooser select", HTMLSelectElement);
  const search = find(".search", HTMLInputElement);
  const rows = () => findAll(list, "tbody tr");
  const move = (by) => choose(selection.neighbour(by));

  /** @type {{column: number, down: boolean} | null} */
  let order = null;
  function show() {
    setHtml(list, table(sorted(entries, columnsOf(entries, factors), order), factors, order));
    filter();
    mark();
  }
  function filter() {
    const wanted = search.value.trim().toLowerCase();
    for (const row of rows()) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
  function mark() {
    for (const row of rows()) {
      const isShown = row.dataset.name === selection.name;
      row.setAttribute("aria-selected", String(isShown));
      row.querySelector("button").tabIndex = isShown ? 0 : -1;
    }
  }
  search.oninput = filter;
  show();
  find(".shelf .count").textContent = caption(entries);
  list.addEventListener("click", (event) => {
    const heading = closestTarget(event, "th button");
    if (heading) {
      const column = +heading.dataset.column;
      order = { column, down: order?.column === column ? !order.down : false };
      show();
      return find(`th button[data-column="${column}"]`).focus();
    }
    const row = closestTarget(event, "tbody tr");
    if (!row) return;
    choose(row.dataset.name);
    find(".inside").scrollIntoView({ block: "start" }); // the bar above it may be in sight everywhere
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !closestTarget(event, "tbody")) return;
    event.preventDefault();
    const visible = rows().filter((row) => !row.hidden);
    const index = visible.findIndex((row) => row.dataset.name === selection.name);
    choose(visible[(index + by + visible.length) % visible.length].dataset.name);
    find("tr[aria-selected=true] button").focus();
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
    mark();
    select.value = selection.name;
    find(".chooser .title").textContent = localize(selection.model.title);
  };
}
