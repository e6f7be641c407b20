/* Where the moments of a training arrive. */
watch("value", () => {
  if (props.value) window.denoiser.set({ moment: JSON.parse(props.value) });
});
