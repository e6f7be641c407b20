/* What happens once, before any component: the drawing of the link, or from before a reload, is put on the pad. */
import { startAddress } from "../address/address.js";
import { hasInk, setDrawing } from "../drawing.js";
import { language } from "../i18n.js";
import { loadWhenIdle } from "../later.js";
import { paintDigit } from "../pixels.js";
import { restoreSession, saveOnLeaving } from "./reload.js";
import { openLink } from "../share/share_link.js";
import { on, set, state } from "../store.js";

openLink(restoreSession() ?? location.hash);
startAddress();
saveOnLeaving();
document.addEventListener("denoiser:ready", loadWhenIdle, { once: true });

/* For tests and benchmarks, and the only global of ours. */
Object.assign(window, { denoiser: { state, set, on, hasInk, setDrawing, paintDigit, language } });
