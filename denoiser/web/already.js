/* The switch for pictures that bring their own noise: none is added then, and the panel below rests. */
const store = window.denoiser, box = element.querySelector("input");
box.onchange = () => store.set({ already: box.checked });
store.on("already", ({ already }) => {
  box.checked = already;
  element.querySelector(".rest").hidden = !already;
  document.body.classList.toggle("already", already);
  document.querySelector("#noise-panel")?.toggleAttribute("inert", already);
});
