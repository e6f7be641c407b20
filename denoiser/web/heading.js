/* The line above the cards, and what the colours of differences mean while they are shown. */
window.denoiser.on("view already", ({ view, already }) => { element.querySelector(".legend").hidden = view !== "difference" || already; });
