/* English or Simplified Chinese, as navigator.language says (early.js puts the visitor's choice there).
   denoiser.t           as a template's tag: the sentence in the visitor's language; the table has it with {0}, {1} for what
                        is filled in. As a function: the same for a sentence from the server or a property
   denoiser.translate   puts what stands in an element, and in its labels, into that language */
window.denoiser = (() => {
  const NAMED = ["aria-label", "title", "placeholder", "alt"];
  const language = /^zh\b/i.test(navigator.language) ? "zh" : "en";
  const table = language === "zh" ? window.denoiserChinese : {};
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  const filled = (sentence, values) => sentence.replace(/\{(\d)\}/g, (_, i) => values[i]);
  const literal = text => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const patterns = Object.keys(table).filter(key => key.includes("{0}")).sort((a, b) => b.length - a.length)   // the most telling first
    .map(key => [new RegExp(`^${key.split(/\{\d\}/).map(literal).join("(.+)")}$`), table[key]]);
  function found(sentence) {
    if (sentence in table) return table[sentence];
    for (const [pattern, chinese] of patterns) {
      const values = pattern.exec(sentence);
      if (values) return filled(chinese, values.slice(1).map(found));
    }
    return sentence;
  }
  function t(sentence, ...values) {
    if (typeof sentence === "string") return language === "en" ? sentence : found(sentence);
    const key = sentence.reduce((left, right, i) => `${left}{${i - 1}}${right}`);
    return filled(table[key] ?? key, values);
  }

  function translate(element) {
    if (language === "en") return;
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
      const sentence = node.data.replace(/\s+/g, " ").trim();
      if (sentence in table) node.data = node.data.replace(/\S(.*\S)?/s, () => table[sentence]);
    }
    for (const name of NAMED) for (const e of element.querySelectorAll(`[${name}]`)) e.setAttribute(name, t(e.getAttribute(name)));
  }

  function choose(other) {
    const value = other === "zh" ? "zh-CN" : "en";
    try {
      localStorage.setItem("denoiser-language", value);
      location.reload();
    } catch {   // nothing can be kept, as in a frame whose storage is blocked: the address says it
      const address = new URL(location);
      address.searchParams.set("language", value);
      location.assign(address);
    }
  }

  return { language, t, translate, choose };
})();
