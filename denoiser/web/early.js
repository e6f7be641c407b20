/* Before anything else on the page: Gradio's labels follow the browser's language, so the browser answers with the
   language the visitor chose in the header. */
try {
  const kept = localStorage.getItem("denoiser-language");
  if (kept) Object.defineProperty(navigator, "language", { value: kept, configurable: true });
} catch { /* private window: the browser's own language */ }
