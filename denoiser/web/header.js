/* The brand's digit, the link to share, and the switch between light and dark. */
const store = window.denoiser;
store.firstTheme();
element.querySelector(".theme").onclick = () => store.dark(!document.body.classList.contains("dark"));
const link = element.querySelector(".link");
link.onclick = store.copyLink;
store.on("version", () => { link.disabled = !store.hasInk(); });
store.on("theme", () => store.paint(element.querySelector(".brand canvas"), store.bytes(props.logo)));
