/* Over the pad: the question whether a picture that looks noisy is to be taken as it is. */
import { on, set } from "../../shell/store.js";

/**
 * @param {HTMLElement} element
 * @returns {(picture: string | null) => void}  asks about a picture, as long as it is on the pad; null asks nothing
 */
export function mountNoisyQuestion(element) {
  /** @type {string | null} */
  let asked = null;
  on("version isNoisyInput", ({ picture, isNoisyInput }) => {
    element.hidden = asked === null || picture !== asked || isNoisyInput;
  });
  element.querySelector("button").onclick = () => set({ isNoisyInput: true });
  return (picture) => {
    asked = picture;
  };
}
