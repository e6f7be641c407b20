/* A sheet of dreams, and what they read as beside the digits of MNIST. */
import { finder, html, setHtml } from "../shell/html.js";
import { t } from "../shell/i18n.js";
import { newSeed, percent } from "../shell/numbers.js";
import { ask, newTicket } from "../shell/rpc.js";
import { on } from "../shell/store.js";
import { split } from "./request.js";
import { buildSheet, paintFrame } from "./sheet.js";

const HEIGHT = 178; // of a bar
const TOP = 0.38; // the share that fills it

/**
 * @typedef {object} Props
 * @property {number} count  of dreams
 * @property {number} first  the seed of the first ones
 * @property {number[]} shares  of each digit in MNIST
 * @property {{dreams: number, sure: number, total_variation: number} | null} measured  of many dreams
 * @param {import("../shell/mount.js").Context<Props>} context
 */
export function mount({ element, props, server }) {
  const find = finder(element);
  const frames = buildSheet(find(".sheet"), props.count);
  const ticket = newTicket();
  /** @type {{pictures: Uint8Array[], reads: [number, number][] | null} | null} */
  let dreams = null;

  function paint() {
    find(".sheet").classList.toggle("blank", !dreams);
    if (!dreams) return;
    const { pictures, reads } = dreams;
    frames.forEach((frame, i) => {
      const words = reads ? t("originals.dreams.dream", i + 1, props.count, reads[i][0], percent(reads[i][1])) : "";
      paintFrame(frame, pictures[i], reads?.[i], words);
    });
    find(".histside").hidden = !reads;
    const counts = Array(10).fill(0);
    for (const [digit] of reads ?? []) counts[digit]++;
    const height = (share) => HEIGHT * Math.min(1, share / TOP);
    setHtml(
      find(".hist"),
      counts.map(
        (count, digit) =>
          html`<div>
            <i style="height:${height(count / props.count)}px;--c:var(--k${digit})"><span>${count}</span></i
            ><u style="height:${height(props.shares[digit])}px"></u>
          </div>`,
      ),
    );
    find(".hist").setAttribute(
      "aria-label",
      counts.map((count, digit) => `${digit}: ${count}`).join(t("common.semicolon")),
    );
  }
  setHtml(
    find(".digits"),
    props.shares.map((_, digit) => html`<span>${digit}</span>`),
  );
  if (props.measured) {
    const { dreams: total, sure, total_variation: distance } = props.measured;
    const [count, share, off] = [total.toLocaleString("en"), Math.round(100 * sure), Math.round(100 * distance)];
    find(".honest").hidden = false;
    find(".honest").textContent = t("originals.dreams.measured", count, share, off);
  }

  async function draw(seed) {
    find(".sheet").classList.toggle("stale", dreams !== null);
    const reply = await ask(server.dreams, { draw: seed }, ticket);
    find(".sheet").classList.remove("stale");
    if (!reply) return false;
    dreams = { pictures: split(reply.pictures), reads: reply.reads };
    paint();
    return true;
  }
  find(".again").onclick = () => draw(newSeed());
  let begun = false;
  new IntersectionObserver(
    async (entries) => {
      if (!entries.at(-1).isIntersecting || begun) return;
      begun = true;
      begun = await draw(props.first);
    },
    { rootMargin: "300px" },
  ).observe(element);
  on("theme", paint);
}
