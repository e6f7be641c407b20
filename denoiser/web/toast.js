/* One line for people: what went wrong and what to do. It stays as long as it takes to read; that they wait in line, as
   long as they do. */
const { on, set, t } = window.denoiser, line = element.querySelector(".say");
let timer = 0;
on("message waiting", ({ message, waiting }) => {
  line.textContent = message || (waiting && t`Many people are here now: you are number ${waiting} in line. Your drawing is kept.`) || "";
  line.hidden = !line.textContent;
});
on("message", ({ message }) => {
  clearTimeout(timer);
  if (message) timer = setTimeout(() => set({ message: "" }), Math.max(4000, 70 * message.length));
});
