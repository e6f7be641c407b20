/* What came of a training: a card of the visitor's own on the Denoise page, and a checkpoint to take home. */
import { fromBase64 } from "../shell/base64.js";
import { finder } from "../shell/html.js";
import { localize, t } from "../shell/i18n.js";
import { download, openPage } from "../shell/navigation.js";
import { ask } from "../shell/rpc.js";
import { on, set, state } from "../shell/store.js";
import { say } from "../shell/toast.js";

const DOWNLOAD_TIME = 60_000; // milliseconds after which the file's address is given up

/** @param {import("../shell/mount.js").Context<{most: number}>} context */
export function mount({ element, props, server }) {
  const find = finder(element);
  const toCard = find(".card", HTMLButtonElement);
  const take = find(".take", HTMLButtonElement);
  /** Put the trained model among those on the Denoise page; the oldest makes room. */
  function addCard({ card, id }) {
    const { userModels } = state;
    if (userModels.some((model) => model.userModelId === id)) return;
    const numbers = userModels.map((model) => Number(model.name.split("-")[1]));
    const name = `yours-${Math.max(0, ...numbers) + 1}`;
    const model = { ...card, name, label: t("train.result.yours"), detail: name, userModelId: id };
    set({ userModels: [...userModels, model].slice(-props.most) });
  }
  on("trainingResult", ({ trainingResult }) => {
    toCard.disabled = take.disabled = !trainingResult;
    find(".words").textContent = trainingResult ? localize(trainingResult.card.title) : t("train.result.nothingYet");
  });
  toCard.onclick = () => {
    addCard(state.trainingResult);
    say(t("train.result.cardAdded"));
    openPage("denoise");
  };
  take.onclick = async () => {
    const reply = await ask(server.checkpoint, { id: state.trainingResult.id });
    if (!reply) return;
    const address = URL.createObjectURL(new Blob([fromBase64(reply.content)], { type: "application/zip" }));
    download(address, reply.name);
    setTimeout(() => URL.revokeObjectURL(address), DOWNLOAD_TIME);
    say(t("train.result.saved"));
  };
}
