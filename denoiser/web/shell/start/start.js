/* What happens once, before any component: the drawing of the link, or from before a reload, is put on the pad. */
import { hasInk, setDrawing } from "../drawing.js";
import { language } from "../i18n.js";
import { paintDigit } from "../pixels.js";
import { savedBeforeReload, saveOnLeaving } from "./reload.js";
import { openLink } from "../share_link.js";
import { on, set, state } from "../store.js";

openLink(savedBeforeReload() ?? location.hash);
saveOnLeaving();

/* For tests and benchmarks, and the only global of ours. */
Object.assign(window, { denoiser: { state, set, on, hasInk, setDrawing, paintDigit, language } });
