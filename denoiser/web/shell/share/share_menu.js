/* The menu of what can be shared: the link, and the digit on the pad as an animation. */
import { copyLink, keepInAddress } from "../address/address.js";
import { hasInk } from "../drawing.js";
import { finder } from "../html.js";
import { t } from "../i18n.js";
import { closesLikeMenu } from "../menu.js";
import { download } from "../navigation.js";
import { on } from "../store.js";
import { say } from "../toast.js";

const KEPT = 10_000; // milliseconds that the browser has to save a file

/** Hand a file to the device's own share menu; false where the browser has none for it. */
async function handOver(file) {
  if (!navigator.canShare?.({ files: [file] })) return false;
  try {
    await navigator.share({ files: [file], title: document.title, text: keepInAddress() });
  } catch (error) {
    return error.name === "AbortError"; // the visitor changed their mind
  }
  return true;
}

async function shareAnimation() {
  // only now: most visitors never need it
  const { animationFile, reasonForNone } = await import("../../animation/sweep_animation.js");
  const reason = reasonForNone();
  if (reason) return say(reason);
  const file = await animationFile();
  if (await handOver(file)) return;
  const address = URL.createObjectURL(file);
  download(address, file.name);
  setTimeout(() => URL.revokeObjectURL(address), KEPT);
  say(t("shell.share.saved", file.name));
}

/** @param {HTMLDetailsElement} menu */
export function mountShareMenu(menu) {
  const close = closesLikeMenu(menu);
  const find = finder(menu);
  const link = find(".copy-link", HTMLButtonElement);
  const animation = find(".animation", HTMLButtonElement);
  link.onclick = () => {
    close();
    copyLink();
  };
  animation.onclick = async () => {
    close();
    animation.disabled = true; // until it is made
    await shareAnimation().finally(() => {
      animation.disabled = false;
    });
  };
  on("version", () => {
    link.disabled = !hasInk();
  });
}
