/* Constants that Python needs too. It defines them, and the page brings them along as JSON (page_constants.py). */

/**
 * How a line is drawn: a CSS colour, and an SVG stroke-dasharray.
 * @typedef {{colour: string, dash: string}} LineStyle
 */

/**
 * @type {{
 *   noiseFactors: number[],
 *   noiseKinds: Record<string, {label: string, meaning: string}>,
 *   lossTitles: Record<string, string[]>,
 *   maxSeed: number,
 *   defaultSeed: number,
 *   maxModels: number,
 *   maxUploadBytes: number,
 *   views: string[],
 *   noisyStyle: LineStyle,
 * }}
 */
const constants = JSON.parse(document.getElementById("denoiser-constants").textContent);

/** The grid of a sweep, from 0 to 1; the noise slider stops at each. */
export const NOISE_FACTORS = constants.noiseFactors;

/** Every kind of noise, by its name. */
export const NOISE_KINDS = constants.noiseKinds;

/** The name and the unit of each loss. */
export const LOSS_TITLES = constants.lossTitles;

export const MAX_SEED = constants.maxSeed;

export const DEFAULT_SEED = constants.defaultSeed;

/** How many models can stand side by side. */
export const MAX_MODELS = constants.maxModels;

export const MAX_UPLOAD_BYTES = constants.maxUploadBytes;

/** What the cards can show, the usual first. */
export const VIEWS = constants.views;

/** The line of the noisy picture itself. */
export const NOISY_STYLE = constants.noisyStyle;

/** The last index of the grid. */
export const LAST_STEP = NOISE_FACTORS.length - 1;

/** The index of the grid's noise factor that is nearest to the given one. */
export const nearestStep = (factor) => Math.round(factor * LAST_STEP);
