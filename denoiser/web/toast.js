/* One line for people: what went wrong and what to do. */
const line = element.querySelector(".say");
window.denoiser.on("message", ({ message }) => {
  line.textContent = message;
  line.hidden = !message;
});
