/* One line for people: what went wrong and what to do. It stays as long as it takes to read. */
const { on, set } = window.denoiser, line = element.querySelector(".say");
let timer = 0;
on("message", ({ message }) => {
  line.textContent = message;
  line.hidden = !message;
  clearTimeout(timer);
  if (message) timer = setTimeout(() => set({ message: "" }), Math.max(4000, 70 * message.length));
});
