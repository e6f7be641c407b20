/* How digits are painted: 784 bytes, ink 255 on 0, in the colours of the theme. */

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/**
 * The colours of the theme that were looked up: a lookup makes the browser compute styles.
 * @type {Map<string, number[]>}
 */
const colours = new Map();

/** Look up all colours anew: the theme has changed. */
export function forgetColours() {
  colours.clear();
  greys = null;
}

/**
 * A colour of the theme, of the form #rrggbb.
 * @param {string} name  of a custom property
 * @returns {number[]} red, green and blue, 0 to 255
 */
export function themeColour(name) {
  const known = colours.get(name);
  if (known) return known;
  const hex = getComputedStyle(document.body).getPropertyValue(name).trim();
  const colour = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  if (hex) colours.set(name, colour); // else its stylesheet is still on its way
  return colour;
}

/** A colour as the 32-bit word that ImageData holds for an opaque pixel. */
export const toWord = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** Between two colours: `share` 0 is the first, 1 the second. */
export const mix = (from, to, share) => from.map((c, i) => Math.round(c + (to[i] - c) * share));

/** @type {Uint32Array | null} */
let greys = null;

/** The colour words of the grey values, 0 to 255, between film and light. */
function greyWords() {
  if (!greys) {
    const film = themeColour("--film");
    const light = themeColour("--lum");
    greys = Uint32Array.from({ length: 256 }, (_, v) => toWord(mix(film, light, v / 255)));
  }
  return greys;
}

/** The colour word of a grey value, 0 to 255. */
export const greyWord = (value) => greyWords()[value];

/** 256 colour words for signed values: below 128 negative, above positive, film between. */
export function divergingPalette() {
  const film = themeColour("--film");
  const low = themeColour("--lost");
  const high = themeColour("--added");
  return Uint32Array.from({ length: 256 }, (_, v) =>
    toWord(mix(film, v < 128 ? low : high, Math.min(1, Math.abs(v - 128) / 127))),
  );
}

/** @type {WeakMap<CanvasRenderingContext2D, {data: ImageData, words: Uint32Array}>} */
const images = new WeakMap();

function imageOf(context) {
  let image = images.get(context);
  if (!image) {
    const data = context.createImageData(SIDE, SIDE);
    image = { data, words: new Uint32Array(data.data.buffer) };
    images.set(context, image);
  }
  return image;
}

/**
 * Paint 784 bytes into a 28 x 28 canvas; null clears it.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array | null} pixels
 * @param {(i: number) => number} [wordOf]  the colour word of pixel i, instead of its grey
 */
export function paintDigit(canvas, pixels, wordOf) {
  const context = canvas.getContext("2d");
  if (!pixels) return context.clearRect(0, 0, canvas.width, canvas.height);
  const { data, words } = imageOf(context);
  const shades = greyWords();
  if (wordOf) for (let i = 0; i < PIXELS; i++) words[i] = wordOf(i);
  else for (let i = 0; i < PIXELS; i++) words[i] = shades[pixels[i]];
  context.putImageData(data, 0, 0);
}
