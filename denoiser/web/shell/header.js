/* The brand's digit, what can be shared, and the switches between languages and between light and dark. */
import { keepInAddress } from "./address/address.js";
import { fromBase64 } from "./base64.js";
import { finder } from "./html.js";
import { chooseLanguage, language } from "./i18n.js";
import { paintDigit } from "./pixels.js";
import { mountShareMenu } from "./share/share_menu.js";
import { on } from "./store.js";
import { setDark, startTheme } from "./theme.js";

/** @param {import("./mount.js").Context<{logo: string}>} context */
export function mount({ element, props }) {
  startTheme();
  const find = finder(element);
  find(".theme").onclick = () => setDark(!document.body.classList.contains("dark"));
  const other = find(".language");
  if (language === "zh") Object.assign(other, { lang: "en", textContent: "English" });
  other.onclick = () => {
    keepInAddress();
    chooseLanguage(language === "zh" ? "en" : "zh");
  };
  mountShareMenu(find(".share", HTMLDetailsElement));
  on("theme", () => paintDigit(find(".brand canvas", HTMLCanvasElement), fromBase64(props.logo)));
}
