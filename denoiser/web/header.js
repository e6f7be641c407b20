/* The brand's digit, and the switch between light and dark. */
const store = window.denoiser;
store.firstTheme();
element.querySelector(".theme").onclick = () => store.dark(!document.body.classList.contains("dark"));
store.on("theme", () => store.paint(element.querySelector(".brand canvas"), store.bytes(props.logo)));
