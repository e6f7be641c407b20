/* The noise factor in figures. */
window.denoiser.on("factor", ({ factor }) => { element.querySelector("output").textContent = factor.toFixed(2); });
