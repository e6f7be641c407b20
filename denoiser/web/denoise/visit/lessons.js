/* The tour's steps, as data: what each puts on the page, and what the visitor does there. Its words are the texts
   visit.lesson.<number>-<part>. */

/**
 * @typedef {object} Lesson
 * @property {import("../../shell/navigation.js").Page} page
 * @property {string} example  the digit on the pad, or "letter"
 * @property {string[]} models  of the cards beside the noisy picture
 * @property {string} kind
 * @property {number} factor
 * @property {string[]} points  selectors of what the step speaks of, the most important first
 * @property {number} options  how many answers there are to choose from
 * @property {(state: import("../../shell/store.js").State, chosen: number) => boolean} isDone
 */

export const SEED = 4271;

const SLIDER = "#noise_slider input[type=range]";
const card = (model) => `#board [data-model="${model}"]`;
const reading = (model) => `${card(model)} .reads`;

/** @type {Omit<Lesson, "isDone" | "points">} */
const STEP = { page: "denoise", example: "5", models: ["dense-16"], kind: "gaussian", factor: 0.5, options: 0 };

/** @type {Lesson[]} */
export const LESSONS = [
  {
    ...STEP,
    example: "3",
    models: ["median"],
    factor: 0,
    points: [SLIDER, card("noisy")],
    isDone: ({ factor }) => factor >= 0.5,
  },
  {
    ...STEP,
    example: "3",
    models: ["median"],
    points: [card("median"), card("noisy")],
    options: 2,
    isDone: (_, chosen) => chosen > 0,
  },
  {
    ...STEP,
    example: "3",
    models: ["median", "conv-64"],
    points: ["#views", card("conv-64")],
    isDone: ({ view }) => view === "difference",
  },
  {
    ...STEP,
    factor: 0,
    points: [SLIDER, reading("dense-16"), "#views"],
    options: 3,
    isDone: (_, chosen) => chosen > 0,
  },
  {
    ...STEP,
    models: ["dense-16", "unet"],
    factor: 0,
    points: [SLIDER, "#sweep .lines"],
    isDone: ({ factor }) => factor >= 0.95,
  },
  {
    ...STEP,
    example: "7",
    models: ["conv-64", "unet"],
    kind: "block-out",
    factor: 0.7,
    points: ["#kind, #noise_slider .kinds", reading("conv-64"), reading("unet")],
    isDone: ({ kind }) => kind !== "block-out",
  },
  {
    ...STEP,
    example: "7",
    points: [reading("dense-16"), card("noisy")],
    options: 2,
    isDone: (_, chosen) => chosen > 0,
  },
  {
    ...STEP,
    example: "letter",
    models: ["vae-2d-best"],
    points: ["#pad [data-non-digit=noise]", reading("vae-2d-best")],
    isDone: ({ nonDigit }) => nonDigit === "noise",
  },
  {
    ...STEP,
    page: "latent-space",
    models: ["vae-2d-best"],
    points: ["#latent_morph .play", "#latent_morph .a", "#latent_morph .frames"],
    isDone: ({ frame }) => frame !== null,
  },
  {
    ...STEP,
    page: "train",
    models: ["dense-16", "unet"],
    points: ["#train_form .train", "#train_form .code"],
    isDone: ({ runs }) => runs.length >= 2,
  },
];
