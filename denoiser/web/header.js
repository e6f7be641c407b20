/* The brand's digit, the link to share, and the switches between languages and between light and dark. */
const store = window.denoiser;
store.firstTheme();
element.querySelector(".theme").onclick = () => store.dark(!document.body.classList.contains("dark"));
const other = element.querySelector(".language");
if (store.language === "zh") Object.assign(other, { lang: "en", textContent: "English" });
other.onclick = () => {
  store.keep();
  store.choose(store.language === "zh" ? "en" : "zh");
};
const link = element.querySelector(".link");
link.onclick = store.copyLink;
store.on("version", () => { link.disabled = !store.hasInk(); });
store.on("theme", () => store.paint(element.querySelector(".brand canvas"), store.bytes(props.logo)));
