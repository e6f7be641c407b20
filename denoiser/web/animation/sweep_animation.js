/* The digit on the pad as an animation: noise covers it and goes again, and each model on the board draws what it makes
   of it. All of it is in the sweep that the page has. */
import { LAST_STEP, NOISE_FACTORS, NOISE_KINDS, NOISY_STYLE } from "../shell/constants.js";
import { localize, t } from "../shell/i18n.js";
import { pictureSheet } from "../shell/pictures/picture_sheet.js";
import { mix, paintDigit, SIDE, themeColour } from "../shell/pixels.js";
import { state } from "../shell/store.js";
import { encodeGif } from "./gif.js";

const MAX_ACROSS = 5; // cards in a row
const SHOT = SIDE * 4; // pixels of a card's digit
const GAP = 16;
const TOP = 48; // pixels of the noise factor above the cards
const NAME = 24;
const READS = 24;
const CARD_HEIGHT = NAME + SHOT + READS + GAP;
const BAR = 8;
const SHADES = 48; // of grey in the digits
const TINTS = 24; // between the colour of a text and what is behind it

/** Milliseconds that a frame is shown: while the noise grows, while it goes, and without or with all noise. */
const PACE = { growing: 150, going: 80, still: 1200 };

/** Every step of the sweep, and then back at twice the speed. */
const UP = NOISE_FACTORS.map((_, step) => step);
const DOWN = UP.filter((step) => step % 2 === 0 && step > 0 && step < LAST_STEP).reverse();

/**
 * The rows of the sweep that can be shown, null while there is no sweep of the present models.
 * @param {import("../shell/store.js").State} s
 * @returns {{label: string, style: import("../shell/constants.js").LineStyle, row: number}[] | null}
 */
function rowsOf({ sweep, shownModels }) {
  const rows = [{ name: "noisy", label: t("common.noisy"), style: NOISY_STYLE }, ...shownModels];
  if (sweep?.names.join() !== rows.map(({ name }) => name).join()) return null;
  return rows.map(({ label, style }, row) => ({ label, style, row })).filter(({ row }) => !sweep.broken[row]);
}

/** Why there is nothing to animate, as a sentence; null where there is. */
export function reasonForNone() {
  if (state.isNoisyInput) return t("shell.share.noNoise");
  return rowsOf(state) ? null : t("shell.share.noDigit");
}

/** A CSS colour, which may be a custom property of the theme, as red, green and blue. */
function rgbOf(colour) {
  const probe = document.createElement("i");
  probe.style.color = colour;
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/\d+/g).map(Number);
  probe.remove();
  return numbers.slice(0, 3);
}

const ramp = (from, to, count) => Array.from({ length: count }, (_, i) => mix(from, to, i / (count - 1)));

/** The colours of the animation: shades of the digits, texts on the background, and one for each row. */
function paletteOf(rows) {
  const [film, lum, bg] = ["--film", "--lum", "--bg"].map(themeColour);
  const onBackground = ["--ink", "--ink-2", "--ink-3", "--line"].map(themeColour);
  return [
    ...ramp(film, lum, SHADES),
    ...onBackground.flatMap((colour) => ramp(bg, colour, TINTS)),
    ...rows.map(({ style }) => rgbOf(style.colour)),
  ];
}

/**
 * A function that gives the index of the palette's nearest colour to a 32-bit word of ImageData.
 * @param {number[][]} palette
 */
function nearestIn(palette) {
  /** @type {Map<number, number>} */
  const known = new Map();
  return (word) => {
    const found = known.get(word);
    if (found !== undefined) return found;
    const rgb = [word & 255, (word >> 8) & 255, (word >> 16) & 255];
    const distances = palette.map((colour) => colour.reduce((sum, c, i) => sum + (c - rgb[i]) ** 2, 0));
    const index = distances.indexOf(Math.min(...distances));
    known.set(word, index);
    return index;
  };
}

/**
 * A sheet that shows the sweep at one step after another.
 * @param {(Pick<import("../shell/store.js").Model, "label" | "style"> & {row: number})[]} rows
 * @param {any} sweep
 */
function animatedSheet(rows, sweep) {
  const lines = Math.ceil(rows.length / MAX_ACROSS);
  const across = Math.ceil(rows.length / lines);
  const [width, height] = [GAP + Math.max(3, across) * (SHOT + GAP), TOP + lines * CARD_HEIGHT];
  const heading = t("shell.share.heading", localize(NOISE_KINDS[state.kind].label), state.seed);
  const { canvas, context, write } = pictureSheet(width, height, heading);
  const digit = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const fill = (colour, x, y, w, h) => {
    context.fillStyle = `rgb(${colour})`;
    context.fillRect(x, y, w, h);
  };
  const clean = sweep.reading?.[0];

  function showFactor(step) {
    fill(themeColour("--bg"), 0, 0, width, TOP);
    write(t("shell.share.factor", NOISE_FACTORS[step].toFixed(2)), GAP, 24, { font: "600 20px" });
    const room = width - 2 * GAP;
    fill(themeColour("--line"), GAP, 34, room, BAR);
    fill(themeColour("--ink"), GAP, 34, Math.round(room * NOISE_FACTORS[step]), BAR);
  }
  function showCard({ label, style, row }, i, step) {
    const x = GAP + (i % across) * (SHOT + GAP);
    const y = TOP + Math.floor(i / across) * CARD_HEIGHT;
    fill(themeColour("--bg"), x, y, SHOT, CARD_HEIGHT);
    fill(rgbOf(style.colour), x, y + 6, 10, 10);
    write(label, x + 16, y + 16, { font: "600 14px", room: SHOT - 16 });
    paintDigit(digit, sweep.picture(row, step));
    context.drawImage(digit, x, y + NAME, SHOT, SHOT);
    const read = sweep.reads?.[row][step][0];
    if (read === undefined) return;
    const isWrong = clean !== undefined && !state.nonDigit && read !== clean;
    const base = y + NAME + SHOT + 18;
    if (!isWrong) return write(`${t("common.reads")} ${read}`, x, base, { colour: "--ink-2" });
    fill(themeColour("--ink"), x, base - 15, SHOT, 20);
    const text = `${t("common.reads")} ${read}, ${t("denoise.cards.misread", clean)}`;
    write(text, x + 6, base, { font: "600 14px", colour: "--bg", room: SHOT - 12 });
  }
  return {
    width: canvas.width,
    height: canvas.height,
    /** The sheet's pixels at a step, as 32-bit words. */
    wordsAt(step) {
      showFactor(step);
      rows.forEach((row, i) => showCard(row, i, step));
      return new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    },
  };
}

const rest = () => new Promise((done) => setTimeout(done));

/**
 * The animation as a GIF file. `reasonForNone` says first whether there is one.
 * @returns {Promise<File>}
 */
export async function animationFile() {
  const { sweep, kind, seed } = state;
  const rows = rowsOf(state);
  const palette = paletteOf(rows);
  const nearest = nearestIn(palette);
  const sheet = animatedSheet(rows, sweep);
  const frames = [];
  for (const step of UP) {
    frames.push(Uint8Array.from(sheet.wordsAt(step), nearest));
    await rest(); // for whoever goes on drawing
  }
  const shown = (step, milliseconds) => ({
    pixels: frames[step],
    milliseconds: step % LAST_STEP ? milliseconds : PACE.still,
  });
  const blob = encodeGif({
    width: sheet.width,
    height: sheet.height,
    palette,
    frames: [...UP.map((step) => shown(step, PACE.growing)), ...DOWN.map((step) => shown(step, PACE.going))],
  });
  return new File([blob], `denoiser-${kind}-${seed}.gif`, { type: blob.type });
}
