/* Before anything else on the page: Gradio's labels follow the browser's language, so the browser answers with the
   language the visitor chose in the header, or the address asks for. Any Chinese is the one we have. */
{
  let kept = null;
  try { kept = localStorage.getItem("denoiser-language"); } catch { /* private window */ }
  const value = kept ?? new URLSearchParams(location.search).get("language") ?? navigator.language;
  Object.defineProperty(navigator, "language", { value: /^zh\b/i.test(value) ? "zh-CN" : value, configurable: true });
}
