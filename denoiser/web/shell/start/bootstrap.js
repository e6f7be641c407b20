/* Runs inline, before anything else on the page: Gradio's labels follow the browser's language, so the browser answers
   with the language that the visitor chose in the header or that the address asks for. Any Chinese becomes zh-CN. The
   texts of that language are loaded while the scripts that show them still are (i18n.js). */
{
  let saved = null;
  try {
    saved = localStorage.getItem("denoiser-language");
  } catch {
    /* a private window */
  }
  const value = saved ?? new URLSearchParams(location.search).get("language") ?? navigator.language;
  const isChinese = /^zh\b/i.test(value);
  Object.defineProperty(navigator, "language", { value: isChinese ? "zh-CN" : value, configurable: true });
  const texts = `${document.currentScript.dataset.languages}${isChinese ? "zh-CN" : "en"}.json`;
  const preload = { rel: "preload", as: "fetch", crossOrigin: "anonymous", href: texts };
  document.head.append(Object.assign(document.createElement("link"), preload));
}
