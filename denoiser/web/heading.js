/* The line above the cards, and what the colours of differences mean while they are shown. */
window.denoiser.on("view", ({ view }) => { element.querySelector(".legend").hidden = view !== "difference"; });
