/* A sheet of pictures on film, each under its reading, and the bar of votes. */
import { closestTarget, findAll, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { clamp, percent } from "../shell/numbers.js";
import { paintDigit } from "../shell/pixels.js";

/** @typedef {import("./figures.js").Reading} Reading */

/**
 * Fill a list with frames. The whole sheet is one stop for the Tab key; arrow keys go on from there.
 * @param {HTMLElement} list
 * @param {number} count
 * @param {(index: number | null) => void} [pointAt]  called with the frame under the pointer or the focus
 * @returns {HTMLElement[]} the frames
 */
export function buildSheet(list, count, pointAt) {
  setHtml(
    list,
    Array.from(
      { length: count },
      (_, i) =>
        html`<li>
          <button class="frame" type="button" data-index="${i}" tabindex="${i ? -1 : 0}">
            <span class="t"><i class="swatch"></i><span></span><em></em></span><canvas width="28" height="28"></canvas>
          </button>
        </li>`,
    ),
  );
  const frames = findAll(list, ".frame");
  const indexOf = (/** @type {Event} */ event) => frames.indexOf(closestTarget(event, ".frame"));
  function focus(index) {
    const next = frames[clamp(index, 0, count - 1)];
    for (const frame of frames) frame.tabIndex = frame === next ? 0 : -1;
    next.focus();
  }
  list.addEventListener("keydown", (event) => {
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const way = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -count, End: count }[
      event.key
    ];
    if (way === undefined) return;
    event.preventDefault();
    focus(indexOf(event) + way);
  });
  if (pointAt) {
    list.addEventListener("pointerover", (event) => {
      if (event.pointerType === "mouse" && indexOf(event) >= 0) pointAt(indexOf(event));
    });
    list.addEventListener("pointerleave", () => pointAt(null));
    list.addEventListener("focusin", (event) => pointAt(indexOf(event)));
    list.addEventListener("focusout", () => pointAt(null));
  }
  return frames;
}

/**
 * Show a picture and its reading in a frame.
 * @param {HTMLElement} frame
 * @param {Uint8Array} picture
 * @param {Reading | undefined} reading
 * @param {string} label  what is read aloud
 * @param {string} [note]  at the frame's right, instead of how sure the reading is
 */
export function paintFrame(frame, picture, reading, label, note = reading && percent(reading[1])) {
  frame.style.setProperty("--c", reading ? `var(--f${reading[0]})` : "var(--lum)");
  frame.querySelector(".t span").textContent = reading ? String(reading[0]) : "";
  frame.querySelector("em").textContent = note ?? "";
  frame.setAttribute("aria-label", label);
  paintDigit(frame.querySelector("canvas"), picture);
}

/** A reading as markup: the colour of the digit, the digit, how sure it is. */
export const readingMarkup = (reading) =>
  reading
    ? html`<i class="swatch" style="--c:var(--k${reading[0]})"></i
        ><span class="unseen">${t("common.reads")}</span>${reading[0]}<small>${percent(reading[1])}</small>`
    : html``;

/**
 * A bar with a part for each digit that is read, as wide as it has votes.
 * @param {HTMLElement} bar
 * @param {[number, number][]} votes
 * @param {number} count  of all votes
 * @param {{pressed?: number | null, drawn?: number | null}} [choice]  with it the parts are buttons
 */
export function paintVotes(bar, votes, count, choice) {
  const words = (digit, number) => html`<b>${digit}</b><i>${t("common.countOf", number, count)}</i>`;
  const part = ([digit, number]) => {
    const few = number < count / 6 ? "few" : "";
    const style = `--c:var(--k${digit});--n:${number}`;
    if (!choice) return html`<span class="${few}" style="${style}">${words(digit, number)}</span>`;
    const drawn = choice.drawn === digit ? html`<em>${t("common.drawn")}</em>` : html``;
    const label = t("originals.sheet.filter", number, count, digit);
    return html`<button
      type="button"
      class="${few}"
      style="${style}"
      data-digit="${digit}"
      aria-pressed="${choice.pressed === digit}"
      aria-label="${label}"
    >
      ${words(digit, number)}${drawn}
    </button>`;
  };
  const held = bar.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement).dataset.digit
    : null;
  setHtml(
    bar,
    votes.length ? votes.map(part) : html`<span class="none" style="--n:1">${t("originals.sheet.noVotesYet")}</span>`,
  );
  bar.classList.toggle("off", !votes.length);
  bar.setAttribute(
    "aria-label",
    votes.map(([digit, number]) => `${digit}: ${t("common.countOf", number, count)}`).join(t("common.semicolon")),
  );
  if (held) /** @type {HTMLElement} */ (bar.querySelector(`[data-digit="${held}"]`))?.focus();
}
