/* A webcam in a small dialog. */
import { finder } from "../../shell/html.js";
import { t } from "../../shell/i18n.js";
import { say } from "../../shell/toast.js";

/** @type {HTMLDialogElement} */
let dialog;
/** @type {HTMLVideoElement} */
let video;
/** @type {((picture: Blob | null) => void) | null} */
let resolvePicture = null;

/** The middle square of what the camera sees: what the frame shows. */
function snapshot() {
  const { videoWidth: width, videoHeight: height } = video;
  const side = Math.min(width, height);
  const sheet = Object.assign(document.createElement("canvas"), { width: side, height: side });
  sheet.getContext("2d").drawImage(video, (side - width) / 2, (side - height) / 2);
  return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
}

/**
 * Let the visitor take a picture; null where there is none, after saying why.
 * @returns {Promise<Blob | null>}
 */
export async function takePicture() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    const refused = error.name === "NotAllowedError";
    say(refused ? t("denoise.camera.refused") : t("denoise.camera.absent"));
    return null;
  }
  video.srcObject = stream;
  dialog.showModal();
  return new Promise((resolve) => {
    resolvePicture = resolve;
  });
}

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element }) {
  const find = finder(element);
  dialog = element.querySelector("dialog");
  video = element.querySelector("video");
  find(".take").onclick = async () => {
    if (!video.videoWidth) return;
    resolvePicture(await snapshot());
    dialog.close();
  };
  find(".cancel").onclick = () => dialog.close();
  dialog.onclose = () => {
    const stream = /** @type {MediaStream | null} */ (video.srcObject);
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    resolvePicture?.(null);
  };
}
