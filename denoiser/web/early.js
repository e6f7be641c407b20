/* Before anything else on the page: Gradio's labels follow the browser's language, so the browser answers with the
   language the visitor chose in the header. Any Chinese is the one we have. */
{
  let kept = null;
  try { kept = localStorage.getItem("denoiser-language"); } catch { /* private window: the browser's own language */ }
  const value = kept ?? navigator.language;
  Object.defineProperty(navigator, "language", { value: /^zh\b/i.test(value) ? "zh-CN" : value, configurable: true });
}
