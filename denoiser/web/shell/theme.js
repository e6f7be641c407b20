/* Light or dark: as the visitor chose, else as the address asks, else as the system is. */
import { forgetColours } from "./pixels.js";
import { set } from "./store.js";

const KEY = "denoiser-theme";

/** @param {boolean} dark */
export function setDark(dark) {
  document.body.classList.toggle("dark", dark);
  try {
    localStorage.setItem(KEY, dark ? "dark" : "light");
  } catch {
    /* a private window: not saved */
  }
  forgetColours();
  set({ theme: dark ? "dark" : "light" });
}

/** The theme that the page begins with. */
export function startTheme() {
  let saved = null;
  try {
    saved = localStorage.getItem(KEY);
  } catch {
    /* a private window */
  }
  const wanted = new URLSearchParams(location.search).get("__theme") || saved;
  setDark(wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme:dark)").matches);
}
