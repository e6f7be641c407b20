/* Where a model comes from, how it was trained, and its layers. */
import { html, setHtml } from "../shell/html.js";
import { t, tHtml } from "../shell/i18n.js";
import { PIXELS } from "../shell/pixels.js";
import { count, figure, NONE, shape, translatePhrases } from "./format.js";

function sourceMarkup({ source, epochs }) {
  if (!source && epochs) return tHtml`Our own recipe.`;
  if (!source) return tHtml`A classical filter: it sees only the noisy picture and estimates the noise itself.`;
  const { address, title, year } = source;
  const isLink = /^https?:/.test(address);
  const link = isLink ? html`<a href="${address}" rel="noreferrer" target="_blank">${title}</a>` : title;
  return tHtml`From ${link}, ${year}`;
}

/** How our validation loss compares with the figure that the source gives. */
function gapToSource(ours, { headline_bce: theirs }) {
  if (theirs == null) return "";
  return ours <= theirs
    ? t`Ours is ${(theirs - ours).toFixed(4)} below the source's ${theirs}.`
    : t`Ours is ${(ours - theirs).toFixed(4)} above the source's ${theirs}.`;
}

/**
 * Show the source, the note, the losses and the facts of a model.
 * @param {any} element  of the page
 * @param {any} entry
 * @param {(loss: string) => string[]} lossTitle  a loss's name and unit
 */
export function showAbout(element, entry, lossTitle) {
  const find = (selector) => element.querySelector(`.about ${selector}`);
  const { headline, headline_bce } = entry;
  find(".h-section").textContent = t(entry.title);
  setHtml(find(".source"), sourceMarkup(entry));
  find(".note").textContent = t(entry.note);
  find(".note").hidden = !entry.note;
  const ours = entry.epochs ? entry.validation.at(-1) : null;
  const remarks = [headline ? t(headline) : t`no figure`, gapToSource(ours, entry)].filter(Boolean);
  setHtml(
    find(".figures"),
    ours == null
      ? []
      : html`<div class="ours">
            <span>${t`Ours, validation`}</span><b>${figure(ours)}</b>
            <p>${tHtml`train ${figure(entry.train.at(-1))}`}; ${lossTitle(entry.loss).filter(Boolean).join(", ")}</p>
          </div>
          <div>
            <span>${t`The source says`}</span><b>${headline_bce ?? ""}</b>
            <p>${remarks.join("; ")}</p>
          </div>`,
  );
  const phrases = (how) =>
    how[0].startsWith("python ") ? html`<code>${how[0]}</code>` : how.map((phrase) => t(phrase)).join(", ");
  setHtml(
    find(".facts"),
    entry.facts.map(
      ([what, how]) =>
        html`<dt>${t(what)}</dt>
          <dd>${phrases(how)}</dd>`,
    ),
  );
}

/** A layer's name; the layer of the code is marked. */
function layerName({ words, code }) {
  const name = translatePhrases(words);
  return code && words !== "code" ? html`${name} <small>${t`the code`}</small>` : name;
}

/**
 * Show the layers of a model: their output shapes, as bars too, and their parameters.
 * @param {any} element  of the page
 * @param {any} entry
 */
export function showLayers(element, { layers }) {
  element.querySelector(".network").hidden = !layers.length;
  const size = (layer) => layer.shape.reduce((a, b) => a * b, 1);
  const largest = Math.max(...layers.map(size), PIXELS);
  const barWidth = (values) => 6 + 94 * Math.sqrt(values / largest); // percent
  const input = html`<tr>
    <td class="l">${t`the picture`}</td>
    <td>1 × 28 × 28</td>
    <td class="bar"><i style="width:${barWidth(PIXELS)}%;background:var(--noisy)"></i></td>
    <td class="size">${PIXELS}</td>
    <td></td>
  </tr>`;
  setHtml(
    element.querySelector(".layers"),
    html`<thead>
        <tr>
          <th class="l">${t`Layer`}</th>
          <th>${t`Output`}</th>
          <th></th>
          <th class="size">${t`Values`}</th>
          <th>${t`Learnt`}</th>
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
