/* The tour's steps, as data: what each puts on the page, and what the visitor does there. Its words are the texts
   visit.lesson.<number>-<part>. */

/**
 * @typedef {object} Lesson
 * @property {import("../../shell/navigation.js").Page} page
 * @property {string} example  the digit on the pad, or "letter"
 * @property {string[]} models  of the cards beside the noisy picture
 * @property {string} kind
 * @property {number} factor
 * @property {number} options  how many answers there are to choose from
 * @property {(state: import("../../shell/store.js").State, chosen: number) => boolean} isDone
 */

export const SEED = 4271;

/** @type {Omit<Lesson, "isDone">} */
const STEP = { page: "denoise", example: "5", models: ["dense-16"], kind: "gaussian", factor: 0.5, options: 0 };

/** @type {Lesson[]} */
export const LESSONS = [
  { ...STEP, example: "3", models: ["median"], factor: 0, isDone: ({ factor }) => factor >= 0.5 },
  { ...STEP, example: "3", models: ["median"], options: 2, isDone: (_, chosen) => chosen > 0 },
  { ...STEP, example: "3", models: ["median", "conv-64"], isDone: ({ view }) => view === "difference" },
  { ...STEP, factor: 0, options: 3, isDone: (_, chosen) => chosen > 0 },
  { ...STEP, models: ["dense-16", "unet"], factor: 0, isDone: ({ factor }) => factor >= 0.95 },
  {
    ...STEP,
    example: "7",
    models: ["conv-64", "unet"],
    kind: "block-out",
    factor: 0.7,
    isDone: ({ kind }) => kind !== "block-out",
  },
  { ...STEP, example: "7", options: 2, isDone: (_, chosen) => chosen > 0 },
  { ...STEP, example: "letter", models: ["vae-2d-best"], isDone: ({ nonDigit }) => nonDigit === "noise" },
  { ...STEP, page: "latent-space", models: ["vae-2d-best"], isDone: ({ frame }) => frame !== null },
  { ...STEP, page: "train", models: ["dense-16", "unet"], isDone: ({ runs }) => runs.length >= 2 },
];
