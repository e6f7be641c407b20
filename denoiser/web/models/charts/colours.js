/* The colours of the theme as Plotly takes them: it knows neither custom properties nor color-mix(). */

const TOKENS = ["--bg", "--surface", "--ink", "--ink-2", "--ink-3", "--line", "--edge"];

/**
 * The colours that apply to an element now.
 * @param {HTMLElement} element
 * @returns {import("./traces.js").Colours}
 */
export function coloursOf(element) {
  const probe = document.createElement("i");
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", {
    willReadFrequently: true,
  });
  const of = (css) => {
    probe.style.color = css;
    element.append(probe);
    context.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return `rgb(${red},${green},${blue})`;
  };
  const [bg, surface, ink, ink2, ink3, line, edge] = TOKENS.map((token) => of(`var(${token})`));
  return { bg, surface, ink, ink2, ink3, line, edge, font: getComputedStyle(element).getPropertyValue("--type"), of };
}
