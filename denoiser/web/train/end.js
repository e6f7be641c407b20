/* What came of a training: a card of the visitor's own, and a checkpoint to take home. */
import { fromBase64 } from "../shell/base64.js";
import { t } from "../shell/i18n.js";
import { download, openPage } from "../shell/navigation.js";
import { ask } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";

/** @param {import("../shell/mount.js").Context} context */
export function mount({ element, server }) {
  const $ = (selector) => element.querySelector(selector);
  const MOST = 4; // own cards on the page
  let number = 0;

  on("result", ({ result }) => {
    $(".card").disabled = $(".take").disabled = !result;
    $(".words").textContent = result
      ? t(result.card.title)
      : t`A trained network can stand beside the others, and be taken home.`;
  });
  $(".card").onclick = () => {
    const { result, yours } = state;
    if (!yours.some((m) => m.own === result.id)) {
      const name = `yours-${++number}`;
      set({ yours: [...yours, { ...result.card, name, label: "Yours", detail: name, own: result.id }].slice(-MOST) });
    }
    say(t`Your network is one of the cards, on this page only, until you leave.`);
    openPage("denoise");
  };
  $(".take").onclick = async () => {
    const reply = await ask(server.checkpoint, { id: state.result.id });
    if (!reply) return;
    const address = URL.createObjectURL(new Blob([fromBase64(reply.content)], { type: "application/zip" }));
    download(address, reply.name);
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    say(t`Saved. Both files, put into the folder checkpoints, load as any model.`);
  };
}
