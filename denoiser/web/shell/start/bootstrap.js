/* Runs inline, before anything else on the page: Gradio's labels follow the browser's language, so the browser answers
   with the language that the visitor chose in the header or that the address asks for. Any Chinese becomes zh-CN. */
{
  let saved = null;
  try {
    saved = localStorage.getItem("denoiser-language");
  } catch {
    /* a private window */
  }
  const value = saved ?? new URLSearchParams(location.search).get("language") ?? navigator.language;
  Object.defineProperty(navigator, "language", { value: /^zh\b/i.test(value) ? "zh-CN" : value, configurable: true });
}
