/* Ten digits: noisy, what each model compared makes of them, and the originals. */
import { fromBase64 } from "../shell/base64.js";
import { finder, html, setHtml } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { displayName } from "../shell/model_names.js";
import { download } from "../shell/navigation.js";
import { pictureSheet } from "../shell/pictures/picture_sheet.js";
import { paintDigit, PIXELS, SIDE } from "../shell/pixels.js";
import { ask } from "../shell/rpc.js";
import { colour, decibel } from "./format.js";
import { lazySection } from "./lazy_sections.js";

const DIGITS = 10;
/** The rows that are no model's. */
const ROW_NAMES = { noisy: t("models.tenDigits.noisy"), original: t("models.tenDigits.original") };
const digitOf = ({ pixels }, k) => pixels.subarray(k * PIXELS, (k + 1) * PIXELS);

/** A row's display name, its PSNR and its canvases, as markup. */
function rowMarkup(row, i) {
  const { psnr, family, displayed: name } = row;
  const isOriginal = row.name === "original";
  const canvases = Array.from({ length: DIGITS }, (_, k) => {
    const label = t("models.tenDigits.digit", name, k);
    return html`<canvas class="px" width="28" height="28" data-row="${i}" role="img" aria-label="${label}"></canvas>`;
  });
  return html`<div class="who" style="--c:${isOriginal ? "var(--lum)" : colour(family)}">
      <i class="${isOriginal ? "" : "swatch"}"></i><b>${name}</b><small>${psnr == null ? "" : decibel(psnr)}</small>
    </div>
    ${canvases}`;
}

/** All rows as one picture, for a file. */
function pictureOf(rows, heading) {
  const scale = 3;
  const gap = 6;
  const side = SIDE * scale;
  const margin = 132; // for the names
  const digit = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const [width, height] = [margin + DIGITS * (side + gap) + gap, rows.length * (side + gap)];
  const { canvas, context, write } = pictureSheet(width, height, heading);
  rows.forEach((row, i) => {
    const top = i * (side + gap);
    write(row.displayed, 16, top + side / 2 + 5, { room: margin - 24 });
    for (let k = 0; k < DIGITS; k++) {
      paintDigit(digit, digitOf(row, k));
      context.drawImage(digit, margin + k * (side + gap), top, side, side);
    }
  });
  return canvas;
}

/**
 * @param {HTMLElement} element  of the page
 * @param {import("./selection.js").Selection} selection
 * @param {import("../shell/mount.js").Context["server"]} server
 * @returns {() => void} to be called when the models compared have changed
 */
export function mountTenDigits(element, selection, server) {
  const labelled = selection.entries.map((entry) => ({ ...entry, label: localize(entry.label) }));
  const names = new Map(labelled.map((entry) => [entry.name, displayName(entry, labelled)]));
  const section = finder(element)(".ten");
  const find = finder(section);
  const makesPictures = () => selection.model.family !== "referee";
  let turn = 0; // which ten
  let rows = [];

  function show({ rows: received, origin, kind, factor }) {
    const caption = [
      localize(origin),
      factor ? t("models.tenDigits.noise", localize(kind), factor) : t("models.tenDigits.withoutNoise"),
      selection.model.epochs ? t("models.tenDigits.asTrained", names.get(selection.name)) : "",
      t("models.tenDigits.psnr"),
    ];
    find(".what").textContent = caption.filter(Boolean).join(t("common.semicolon"));
    rows = received.map((row) => ({
      ...row,
      pixels: fromBase64(row.pictures),
      displayed: ROW_NAMES[row.name] ?? names.get(row.name),
      family: selection.byName.get(row.name)?.family ?? "noisy",
    }));
    setHtml(find(".rows"), rows.map(rowMarkup));
    section.querySelectorAll("canvas").forEach((canvas, i) => {
      paintDigit(canvas, digitOf(rows[Math.floor(i / DIGITS)], i % DIGITS));
    });
  }
  const update = lazySection(
    section,
    () => (makesPictures() ? [turn, ...selection.models.map((e) => e.name)].join("/") : null),
    async (isCurrent) => {
      const reply = await ask(server.ten, { models: selection.models.map((e) => e.name), turn });
      if (reply && isCurrent()) show(reply);
      return reply !== null;
    },
  );
  find(".others").onclick = () => {
    turn++;
    update();
  };
  find(".save").onclick = () => {
    if (!rows.length) return;
    const picture = pictureOf(rows, find(".what").textContent);
    download(picture.toDataURL("image/png"), `ten-digits-${selection.name}.png`);
  };
  return () => {
    section.hidden = !makesPictures();
    update();
  };
}
