/* Animated GIF files, as CompuServe's GIF89a specification has them: one palette for all frames, which repeat forever.
   A frame stores only the pixels that differ from the frame before. */

const AS_BEFORE = 255; // the last entry of the palette stands for the colour that the pixel has already

const FIRST_SIZE = 9; // bits of a code: one more than those of a pixel
const LAST_SIZE = 12;
const CLEAR = 256;
const END = 257;
const BLOCK = 255; // bytes

const ascii = (text) => [...text].map((character) => character.charCodeAt(0));
const word = (value) => [value & 255, value >> 8];

/**
 * Pixels compressed by LZW: codes for runs that came before, least significant bit first.
 * @param {Uint8Array} pixels
 * @returns {number[]} bytes
 */
function compress(pixels) {
  const bytes = [];
  const codes = new Uint16Array(256 << LAST_SIZE); // the code of a run followed by a pixel, 0 where there is none yet
  let free = 0; // the next code
  let size = FIRST_SIZE;
  let [buffer, bits] = [0, 0];
  function write(code) {
    buffer |= code << bits;
    for (bits += size; bits >= 8; bits -= 8) {
      bytes.push(buffer & 255);
      buffer >>= 8;
    }
  }
  function clear() {
    write(CLEAR);
    codes.fill(0);
    [free, size] = [END + 1, FIRST_SIZE];
  }
  clear();
  let run = pixels[0];
  for (let i = 1; i < pixels.length; i++) {
    const longer = (run << 8) | pixels[i];
    if (codes[longer]) {
      run = codes[longer];
      continue;
    }
    write(run);
    if (free === 1 << LAST_SIZE) clear();
    else {
      codes[longer] = free;
      if (free === 1 << size) size++;
      free++;
    }
    run = pixels[i];
  }
  write(run);
  write(END);
  if (bits) bytes.push(buffer & 255);
  return bytes;
}

/** Bytes in blocks, each with its length before it. */
function inBlocks(bytes) {
  const blocks = [];
  for (let i = 0; i < bytes.length; i += BLOCK) {
    const block = bytes.slice(i, i + BLOCK);
    blocks.push(block.length, ...block);
  }
  return [...blocks, 0];
}

/**
 * @param {{pixels: Uint8Array, milliseconds: number}} frame
 * @param {Uint8Array | undefined} before  the pixels of the frame before
 * @param {number[]} size  width and height as words
 */
function frameBytes({ pixels, milliseconds }, before, size) {
  const changed = before ? pixels.map((colour, i) => (colour === before[i] ? AS_BEFORE : colour)) : pixels;
  const keepAndSkip = (1 << 2) | 1; // the frame stays under the next one; one colour is transparent
  return Uint8Array.from([
    ...[0x21, 0xf9, 4, keepAndSkip, ...word(Math.round(milliseconds / 10)), AS_BEFORE, 0],
    ...[0x2c, 0, 0, 0, 0, ...size, 0],
    FIRST_SIZE - 1,
    ...inBlocks(compress(changed)),
  ]);
}

/**
 * @param {object} animation
 * @param {number} animation.width  in pixels
 * @param {number} animation.height
 * @param {number[][]} animation.palette  up to 255 colours of red, green and blue, 0 to 255
 * @param {{pixels: Uint8Array, milliseconds: number}[]} animation.frames  the palette's index of each pixel, row by
 *   row; how long the frame is shown
 * @returns {Blob}
 */
export function encodeGif({ width, height, palette, frames }) {
  const size = [...word(width), ...word(height)];
  const colours = Array.from({ length: AS_BEFORE + 1 }, (_, i) => palette[i] ?? [0, 0, 0]).flat();
  const forever = [0x21, 0xff, 11, ...ascii("NETSCAPE2.0"), 3, 1, 0, 0, 0];
  const head = [...ascii("GIF89a"), ...size, 0xf7, 0, 0, ...colours, ...forever];
  const parts = frames.map((frame, i) => frameBytes(frame, frames[i - 1]?.pixels, size));
  return new Blob([Uint8Array.from(head), ...parts, Uint8Array.of(0x3b)], { type: "image/gif" });
}
