/* Checkerboards in what networks make that enlarge their pictures: one digit, and the spectrum of all. */
import { fromBase64 } from "../shell/base64.js";
import { finder, html, setHtml } from "../shell/html.js";
import { localize, t, tHtml } from "../shell/i18n.js";
import { paintDigit } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { colour, signed } from "./format.js";
import { lazySection } from "./lazy_sections.js";

const DIGITS = null; // asks the server for the measures of the test digits themselves

/** What a model's pictures are taken from, by name. */
const VIEWS = {
  trained: t("models.checkerboards.trained"),
  "log-odds": t("models.checkerboards.logOdds"),
  untrained: t("models.checkerboards.untrained"),
};

const blank = html`<canvas class="px unlit" width="28" height="28"></canvas>`;
const placeholder = html`<div class="pair">${[blank, blank]}</div>
  <div class="measure"><span>&nbsp;</span></div>`;

const cardMarkup = ({ name, family, enlarging }) =>
  html`<div class="card" data-name="${name}" style="--c:${colour(family)}">
    <h3><i class="swatch"></i>${name}<small>${enlarging.map(localize).join(t("common.semicolon"))}</small></h3>
    <div class="body">${Array(3).fill(placeholder)}</div>
  </div>`;

function rowMarkup({ view, period2, period4 }) {
  const name = VIEWS[view];
  const canvas = (label) => html`<canvas class="px" width="28" height="28" role="img" aria-label="${label}"></canvas>`;
  return html`<div class="pair">
      ${canvas(t("models.checkerboards.oneDigit", name))}${canvas(t("models.checkerboards.spectrum", name))}
    </div>
    <div class="measure">
      <span>${name}</span><b title="${t("models.checkerboards.period", 2)}">${signed(period2)}</b
      ><b title="${t("models.checkerboards.period", 4)}">${signed(period4)}</b>
    </div>`;
}

/**
 * @param {HTMLElement} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {import("../shell/mount.js").Context["server"]} server
 */
export function mountCheckerboards(element, selection, server) {
  const section = finder(element)(".checker");
  const find = finder(section);
  const models = selection.entries.filter((e) => e.enlarging.length && e.task !== "read");
  section.hidden = !models.length;
  setHtml(find(".cards"), models.map(cardMarkup));

  /** Say how the measure is taken, and what it is for the test digits themselves. */
  function explainMeasure(digits, period2, period4) {
    const [ground2, ground4] = [html`<b>${period2}</b>`, html`<b>${period4}</b>`];
    setHtml(find(".measures"), tHtml("models.page.measure", digits, ground2, ground4));
  }
  explainMeasure(256, "…", "…");
  function showModel(name, { rows }) {
    const body = find(`.card[data-name="${CSS.escape(name)}"] .body`);
    setHtml(body, rows.map(rowMarkup));
    const canvases = body.querySelectorAll("canvas");
    rows.forEach(({ picture, spectrum }, i) => {
      paintDigit(canvases[2 * i], fromBase64(picture));
      paintDigit(canvases[2 * i + 1], fromBase64(spectrum));
    });
  }
  const waiting = [DIGITS, ...models.map((e) => e.name)];
  const details = section.querySelector("details");
  const update = lazySection(
    section,
    () => (waiting.length && details.open ? String(waiting[0]) : null),
    async () => {
      const model = waiting[0];
      const reply = await ask(server.spectrum, { model });
      if (!reply) return false;
      waiting.shift();
      const [{ period2, period4 }] = reply.rows;
      if (model === DIGITS) explainMeasure(reply.digits, signed(period2), signed(period4));
      else showModel(model, reply);
      return true;
    },
  );
  details.ontoggle = update;
}
