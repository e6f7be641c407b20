/* What the chosen kind of noise does. */
const { on, t } = window.denoiser;
on("kind", ({ kind }) => { element.querySelector(".kind").textContent = t(props.meanings[kind] ?? ""); });
