/* The tour: each step puts a state on the page, says what there is to see, asks, and notices when it is done. Links for
   a class name a step and what is hidden, as in #lesson=4&hide=train,models,seed&lang=zh. */
import { setPart } from "../../shell/address/address.js";
import { readAddress } from "../../shell/address/parts.js";
import { closestTarget, finder, html, setHtml } from "../../shell/html.js";
import { chooseLanguage, language, t } from "../../shell/i18n.js";
import { openPage } from "../../shell/navigation.js";
import { pause } from "../../shell/rpc.js";
import { on, set, state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";
import { LESSONS, SEED } from "./lessons.js";
import { withoutTerms, withTerms } from "./terms.js";

const HIDEABLE = ["train", "models", "seed"];
const opened = Object.fromEntries(readAddress(location.hash).others.map((part) => part.split("=")));

const textOf = (number, part) => t(`visit.lesson.${number}-${part}`);

const LOOK_AGAIN = 50; // milliseconds

/** What `find` returns once that is something. */
async function eventually(find) {
  for (;;) {
    const found = find();
    if (found) return found;
    await pause(LOOK_AGAIN);
  }
}

/** The element once it is there and can be pressed. */
const usable = (selector) =>
  eventually(() => {
    const element = /** @type {HTMLInputElement | null} */ (document.querySelector(selector));
    return element?.disabled === false && element;
  });

/** Type a number into one of Gradio's fields. */
function type(input, value) {
  input.value = String(value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Put the state of a step, the present one, on the page. */
async function arrange({ page, example, models, kind, factor }) {
  const { lesson } = state;
  const ink = example === "letter" ? `#pad [data-non-digit="letter"]` : `#pad [data-name="${example}"]`;
  const [inkButton, kindInput, seedInput] = await Promise.all([
    usable(ink),
    usable(`#kind input[value="${kind}"]`),
    usable("#seed input"),
  ]);
  set({ requestedModels: models, factor, isNoisyInput: false });
  if (state.kind !== kind) kindInput.click();
  if (state.seed !== SEED) type(seedInput, SEED);
  (await usable('#views input[value="picture"]')).click();
  inkButton.click();
  openPage(page);
  /* Gradio's components tell the state a little later */
  const isArranged = () => state.kind === kind && state.seed === SEED && state.view === "picture";
  await eventually(() => isArranged() || state.lesson !== lesson);
}

/** The first element of a selector that is in the layout: some are there twice, for wide screens and for phones. */
const laidOut = (selector) =>
  [...document.querySelectorAll(selector)].find((element) => element.getClientRects().length);

/** Scroll so that all that a step speaks of is in sight, or as much as there is room for. */
function reveal(points) {
  for (const point of [...points].reverse()) laidOut(point)?.scrollIntoView({ block: "nearest", behavior: "instant" });
}

/** Keep what a step speaks of in sight while the page still grows; until the visitor does something. */
function keepInSight(points) {
  const growth = new ResizeObserver(() => reveal(points));
  growth.observe(document.querySelector("#pages"));
  const end = () => growth.disconnect();
  for (const event of ["pointerdown", "keydown", "wheel"]) addEventListener(event, end, { once: true, capture: true });
  return end;
}

/** The link to a step, or with `hidden` that for a class. */
function linkTo(number, hidden = []) {
  const hide = hidden.length ? `&hide=${hidden.join(",")}` : "";
  return `${location.href.split("#")[0]}#lesson=${number}${hide}${language === "zh" ? "&lang=zh" : ""}`;
}

async function copy(link) {
  try {
    await navigator.clipboard.writeText(link);
    say(t("visit.tour.copied"));
  } catch {
    say(link);
  }
}

/** @param {HTMLElement} element  of the component */
function mountTeachers(element) {
  const find = finder(element);
  const dialog = find(".teachers", HTMLDialogElement);
  const sheet = find(".print-sheet");
  on("teaching", ({ teaching }) => {
    if (!teaching) return;
    find(".address").textContent = linkTo(1, HIDEABLE);
    dialog.showModal();
  });
  dialog.onclose = () => set({ teaching: false });
  find(".shut").onclick = () => dialog.close();
  find(".copy-class").onclick = () => copy(linkTo(1, HIDEABLE));
  find(".print").onclick = () => {
    const step = (_, i) => html`<li><b>${textOf(i + 1, "title")}</b><br />${withoutTerms(textOf(i + 1, "ask"))}</li>`;
    setHtml(
      sheet,
      html`<h2>${t("visit.hero.headline")}</h2>
        <ol>
          ${LESSONS.map(step)}
        </ol>`,
    );
    dialog.close();
    document.body.classList.add("prints-lessons");
    print();
    document.body.classList.remove("prints-lessons");
  };
}

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  const card = find(".tour-card");
  let chosen = 0; // the answer chosen, from 1
  let isArranged = false;
  let endLast = () => {};

  function show(number) {
    card.hidden = !number;
    document.body.classList.toggle("touring", number > 0);
    if (!number) return;
    const lesson = LESSONS[number - 1];
    find("#tour-title").textContent = textOf(number, "title");
    find(".place").textContent = t("visit.tour.place", number, LESSONS.length);
    setHtml(find(".say"), withTerms(textOf(number, "say")));
    setHtml(find(".ask"), withTerms(textOf(number, "ask")));
    const option = (_, i) =>
      html`<button type="button" class="btn" data-option="${i + 1}" aria-pressed="false">
        ${textOf(number, `option${i + 1}`)}
      </button>`;
    setHtml(find(".options"), Array.from({ length: lesson.options }, option));
    find(".answer").textContent = "";
    find(".back", HTMLButtonElement).disabled = number === 1;
    find(".next").textContent = number === LESSONS.length ? t("visit.tour.finish") : t("visit.tour.next");
  }
  function look() {
    const { lesson } = state;
    if (!lesson || !isArranged) return;
    const isDone = LESSONS[lesson - 1].isDone(state, chosen);
    card.classList.toggle("done", isDone);
    find(".next").classList.toggle("on", isDone);
    find(".answer").textContent = isDone ? textOf(lesson, chosen ? `answer${chosen}` : "answer") : "";
  }
  on("lesson", async ({ lesson }) => {
    [chosen, isArranged] = [0, false];
    endLast();
    show(lesson);
    card.classList.remove("done");
    find(".next").classList.remove("on");
    if (!lesson) return;
    setPart("lesson", String(lesson));
    scrollTo(0, 0);
    await arrange(LESSONS[lesson - 1]);
    isArranged = state.lesson === lesson;
    look();
    if (isArranged) endLast = keepInSight(LESSONS[lesson - 1].points);
  });
  on("factor view kind nonDigit frame runs version", look);
  find(".options").onclick = (event) => {
    const button = closestTarget(event, "button");
    if (!button) return;
    for (const each of find(".options").children) each.setAttribute("aria-pressed", String(each === button));
    chosen = Number(button.dataset.option);
    look();
  };
  find(".back").onclick = () => set({ lesson: state.lesson - 1 });
  find(".next").onclick = () => set({ lesson: state.lesson < LESSONS.length ? state.lesson + 1 : 0 });
  const close = () => {
    set({ lesson: 0 });
    setPart("lesson", "");
  };
  find(".close").onclick = close;
  card.onkeydown = (event) => {
    if (event.key === "Escape") close();
  };
  find(".copy").onclick = () => copy(linkTo(state.lesson));
  mountTeachers(element);
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--tour-card", `${element.offsetHeight}px`);
  }).observe(card);

  for (const part of (opened.hide ?? "").split(","))
    if (HIDEABLE.includes(part)) document.body.classList.add(`hides-${part}`);
  const wanted = opened.lang && (/^zh/.test(opened.lang) ? "zh" : "en");
  if (wanted && wanted !== language) return chooseLanguage(wanted);
  const first = Number(opened.lesson);
  if (Number.isInteger(first) && first in LESSONS.map((_, i) => i).concat(LESSONS.length) && first > 0)
    set({ lesson: first });
}
