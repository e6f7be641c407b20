/* The brand's digit, the link to share, and the switches between languages and between light and dark. */
import { copyLink, keepInAddress } from "./address/address.js";
import { fromBase64 } from "./base64.js";
import { hasInk } from "./drawing.js";
import { chooseLanguage, language } from "./i18n.js";
import { paintDigit } from "./pixels.js";
import { on } from "./store.js";
import { setDark, startTheme } from "./theme.js";

/** @param {import("./mount.js").Context} context */
export function mount({ element, props }) {
  startTheme();
  element.querySelector(".theme").onclick = () => setDark(!document.body.classList.contains("dark"));
  const other = element.querySelector(".language");
  if (language === "zh") Object.assign(other, { lang: "en", textContent: "English" });
  other.onclick = () => {
    keepInAddress();
    chooseLanguage(language === "zh" ? "en" : "zh");
  };
  const link = element.querySelector(".link");
  link.onclick = copyLink;
  on("version", () => {
    link.disabled = !hasInk();
  });
  on("theme", () => paintDigit(element.querySelector(".brand canvas"), fromBase64(props.logo)));
}
