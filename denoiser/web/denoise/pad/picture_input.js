/* Pictures instead of strokes: uploaded, pasted, dropped, or from the camera. */
import { MAX_UPLOAD_BYTES } from "../../shell/constants.js";
import { rememberDrawing, setDrawing } from "../../shell/drawing.js";
import { findAll, finder } from "../../shell/html.js";
import { localize, t } from "../../shell/i18n.js";
import { ask } from "../../shell/rpc.js";
import { on, set, state } from "../../shell/store.js";
import { say } from "../../shell/toast.js";
import { mountNoisyQuestion } from "./noisy_question.js";
import { mountPictureRead } from "./picture_read.js";

/**
 * A file as base64.
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
const toBase64 = (blob) =>
  new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1] ?? "");
    reader.readAsDataURL(blob);
  });

/**
 * @param {HTMLElement} element  of the pad
 * @param {import("../../shell/mount.js").Context["server"]} server
 * @param {() => boolean} isVisible  whether the pad is in view
 * @returns {{read: (picture: Blob) => Promise<void>, paste: () => Promise<void>}}
 */
export function mountPictureInput(element, server, isVisible) {
  const find = finder(element);
  const showRead = mountPictureRead(find(".picture-read"));
  const askWhetherNoisy = mountNoisyQuestion(find(".noisy-question"));
  /**
   * The file behind the picture on the pad, to fit it again.
   * @type {{content: string, file: Blob, picture: string} | null}
   */
  let uploaded = null;

  /** Read a file, as base64: one digit goes to the pad, several to the tray. False where that failed. */
  async function fit(content, file) {
    const reply = await ask(server.read_picture, { content, is_noisy_input: state.isNoisyInput });
    if (!reply) return false;
    if (reply.number) {
      set({ number: { ...reply.number, url: URL.createObjectURL(file) } });
      return true;
    }
    rememberDrawing();
    askWhetherNoisy(reply.looks_noisy ? reply.digit : null);
    setDrawing({ picture: reply.digit });
    set({ number: null });
    showRead({ url: URL.createObjectURL(file), box: reply.box, picture: reply.digit });
    if (reply.note) say(localize(reply.note));
    uploaded = { content, file, picture: reply.digit };
    return true;
  }
  async function read(picture) {
    if (picture.size > MAX_UPLOAD_BYTES) return say(t("denoise.pictureInput.tooLarge"));
    await fit(await toBase64(picture), picture);
  }
  async function paste() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((kind) => kind.startsWith("image/"));
        if (type) return read(await item.getType(type));
      }
      say(t("denoise.pictureInput.nothingToPaste"));
    } catch {
      say(t("denoise.pictureInput.clipboardRefused"));
    }
  }

  /* a noisy picture is only framed, a clean one fitted: the switch does it again with the same file */
  let fittedAsNoisy = state.isNoisyInput;
  on("isNoisyInput", async ({ isNoisyInput, picture }) => {
    if (isNoisyInput === fittedAsNoisy) return;
    fittedAsNoisy = isNoisyInput;
    if (!uploaded || uploaded.picture !== picture || (await fit(uploaded.content, uploaded.file))) return;
    fittedAsNoisy = !isNoisyInput; // that failed, so the picture and the switch stay as they were
    set({ isNoisyInput: fittedAsNoisy });
  });

  for (const input of findAll(element, "input[type=file]", HTMLInputElement))
    input.onchange = () => {
      if (input.files[0]) read(input.files[0]);
      input.value = "";
    };
  document.addEventListener("paste", (event) => {
    const item = [...(event.clipboardData?.items ?? [])].find((i) => i.type.startsWith("image/"));
    if (!item || !isVisible()) return;
    event.preventDefault();
    read(item.getAsFile());
  });
  /* a file may be dropped anywhere on the page: beside the pad the browser would open it and leave */
  let depth = 0; // of the elements that the pointer has entered
  const hover = (by) => {
    depth = Math.max(0, depth + by);
    find(".drop").hidden = !depth || !isVisible();
  };
  document.addEventListener("dragenter", () => hover(1));
  document.addEventListener("dragleave", () => hover(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    hover(-depth);
    const dropped = event.dataTransfer?.files[0];
    if (dropped && isVisible()) read(dropped);
  });
  return { read, paste };
}
