/* The data-testid of elements that Gradio builds, for tests and benchmarks: the noise panel and the tabs' buttons. */

const TEST_IDS = {
  noise: "noise",
  "denoise-tab-button": "tab-denoise",
  "possible-originals-tab-button": "tab-originals",
  "latent-space-tab-button": "tab-latent",
  "models-tab-button": "tab-models",
  "train-tab-button": "tab-train",
};

/** Label those that are there. */
export function labelTestIds() {
  for (const [id, testId] of Object.entries(TEST_IDS)) {
    const element = document.getElementById(id);
    if (element) element.dataset.testid = testId;
  }
}
