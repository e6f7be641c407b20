/* Pictures that leave the page, for a file or the clipboard: a heading above what they show, the address below. */

const MARGIN = 16; // pixels, as all sizes here
const HEAD = 44;
const FOOT = 32;

/**
 * A sheet in the page's colours. Its context begins below the heading; pixels drawn larger stay crisp.
 * @param {number} width  of what it shows
 * @param {number} height
 * @param {string} heading
 */
export function pictureSheet(width, height, heading) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height: HEAD + height + FOOT });
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.body);
  const token = (name) => style.getPropertyValue(name).trim();
  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y  of its base line
   * @param {{font?: string, colour?: string, room?: number}} [options]  weight and size; a custom property; its width
   */
  function write(text, x, y, { font = "400 14px", colour = "--ink", room = width - x } = {}) {
    context.font = `${font} ${token("--type")}`;
    context.fillStyle = token(colour);
    context.fillText(text, x, y, room);
  }
  context.imageSmoothingEnabled = false;
  context.fillStyle = token("--bg");
  context.fillRect(0, 0, canvas.width, canvas.height);
  const { host, pathname } = location;
  write("Denoiser", MARGIN, 26, { font: "600 14px" });
  const indent = MARGIN + context.measureText("Denoiser").width + 12;
  write(heading, indent, 26, { colour: "--ink-2" });
  write(`${host}${pathname}`, MARGIN, HEAD + height + 18, { font: "400 12px", colour: "--ink-3" });
  context.translate(0, HEAD);
  return { canvas, context, write };
}
