/* The parts of an address after its #, joined by &: the name of a tab, d= with what is on the page, and others. */
import { pageNamed } from "../navigation.js";

const FACTS = "d=";

const split = (hash) => hash.replace(/^#/, "").split("&").filter(Boolean);

/**
 * @param {string} hash  with or without its #
 * @returns {{page: import("../navigation.js").Page | null, facts: string | null, others: string[]}} the tab it names,
 *   what follows d=, and the parts that are neither
 */
export function readAddress(hash) {
  const found = { page: null, facts: null, others: [] };
  for (const part of split(hash)) {
    const page = pageNamed(part.replace(/^tab=/, ""));
    if (part.startsWith(FACTS)) found.facts = part.slice(FACTS.length);
    else if (page) found.page ??= page;
    else found.others.push(part);
  }
  return found;
}

/**
 * The part of an address from its #: the first tab is not named, so that links to it look as they always did.
 * @param {string} page
 * @param {string} facts
 * @param {string} before  the same part as it is now
 */
export function addressOf(page, facts, before) {
  const tab = page === "denoise" ? [] : [page];
  return `#${[...tab, FACTS + facts, ...readAddress(before).others].join("&")}`;
}
