/* Where a model comes from, how it was trained, and its layers. */
import { finder, html, setHtml } from "../shell/html.js";
import { localize, t, tHtml } from "../shell/i18n.js";
import { PIXELS } from "../shell/pixels.js";
import { count, figure, joined, NONE, shape } from "./format.js";

function sourceMarkup({ source, epochs }) {
  if (!source && epochs) return tHtml("models.architecture.ourRecipe");
  if (!source) return tHtml("models.architecture.classicalFilter");
  const { address, title, year } = source;
  const isLink = /^https?:/.test(address);
  const link = isLink ? html`<a href="${address}" rel="noreferrer" target="_blank">${title}</a>` : title;
  return tHtml("models.architecture.source", link, year);
}

/** How our validation loss compares with the figure that the source gives. */
function gapToSource(ours, { headline_bce: theirs }) {
  if (theirs == null) return "";
  return ours <= theirs
    ? t("models.architecture.belowSource", (theirs - ours).toFixed(4), theirs)
    : t("models.architecture.aboveSource", (ours - theirs).toFixed(4), theirs);
}

/**
 * Show the source, the note, the losses and the facts of a model.
 * @param {HTMLElement} element  of the page
 * @param {any} entry
 * @param {(loss: string) => string[]} lossTitle  a loss's name and unit
 */
export function showAbout(element, entry, lossTitle) {
  const find = finder(finder(element)(".about"));
  const { headline, headline_bce } = entry;
  const [comma, semicolon] = [t("common.comma"), t("common.semicolon")];
  find(".h-section").textContent = localize(entry.title);
  setHtml(find(".source"), sourceMarkup(entry));
  find(".note").textContent = localize(entry.note);
  find(".note").hidden = !entry.note;
  const ours = entry.epochs ? entry.validation.at(-1) : null;
  const remarks = [headline ? localize(headline) : t("models.architecture.noFigure"), gapToSource(ours, entry)].filter(
    Boolean,
  );
  setHtml(
    find(".figures"),
    ours == null
      ? []
      : html`<div class="ours">
            <span>${t("models.architecture.oursValidation")}</span><b>${figure(ours)}</b>
            <p>
              ${tHtml("models.architecture.trainLoss", figure(entry.train.at(-1)))}${semicolon}${lossTitle(entry.loss)
                .filter(Boolean)
                .join(comma)}
            </p>
          </div>
          <div>
            <span>${t("models.page.sourceSays")}</span><b>${headline_bce ?? ""}</b>
            <p>${remarks.join(semicolon)}</p>
          </div>`,
  );
  const phrases = (how) =>
    typeof how[0] === "string" && how[0].startsWith("python ") ? html`<code>${how[0]}</code>` : joined(how);
  setHtml(
    find(".facts"),
    entry.facts.map(
      ([what, how]) =>
        html`<dt>${localize(what)}</dt>
          <dd>${phrases(how)}</dd>`,
    ),
  );
}

/** A layer's name; the layer of the code is marked. */
function layerName({ part, phrases, code }) {
  const name = joined(phrases);
  return code && part !== "code" ? html`${name} <small>${t("models.architecture.isCode")}</small>` : name;
}

/**
 * Show the layers of a model: their output shapes, as bars too, and their parameters.
 * @param {HTMLElement} element  of the page
 * @param {any} entry
 */
export function showLayers(element, { layers }) {
  const find = finder(element);
  find(".network").hidden = !layers.length;
  const size = (layer) => layer.shape.reduce((a, b) => a * b, 1);
  const largest = Math.max(...layers.map(size), PIXELS);
  const barWidth = (values) => 6 + 94 * Math.sqrt(values / largest); // percent
  const input = html`<tr>
    <td class="l">${t("models.architecture.picture")}</td>
    <td>1 × 28 × 28</td>
    <td class="bar"><i style="width:${barWidth(PIXELS)}%;background:var(--noisy)"></i></td>
    <td class="size">${PIXELS}</td>
    <td></td>
  </tr>`;
  setHtml(
    find(".layers"),
    html`<thead>
        <tr>
          <th class="l">${t("models.page.layer")}</th>
          <th>${t("models.architecture.output")}</th>
          <th></th>
          <th class="size">${t("models.architecture.values")}</th>
          <th>${t("models.architecture.learnt")}</th>
        </tr>
      </thead>
      <tbody>
        ${input}${layers.map(
          (layer) =>
            html`<tr class="${layer.code ? "code" : ""}">
              <td class="l">${layerName(layer)}</td>
              <td>${shape(layer.shape)}</td>
              <td class="bar"><i style="width:${barWidth(size(layer))}%"></i></td>
              <td class="size">${count(size(layer))}</td>
              <td>${layer.parameters ? count(layer.parameters) : NONE}</td>
            </tr>`,
        )}
      </tbody>`,
  );
}
