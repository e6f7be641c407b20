/* The brand's digit, what can be shared, and the switches between languages and between light and dark. */
import { keepInAddress } from "./address/address.js";
import { fromBase64 } from "./base64.js";
import { chooseLanguage, language } from "./i18n.js";
import { paintDigit } from "./pixels.js";
import { mountShareMenu } from "./share/share_menu.js";
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
  mountShareMenu(element.querySelector(".share"));
  on("theme", () => paintDigit(element.querySelector(".brand canvas"), fromBase64(props.logo)));
}
