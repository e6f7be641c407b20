/* What came of a training: a card of the visitor's own, and a checkpoint to take home. */
const store = window.denoiser, { t } = store;
const $ = selector => element.querySelector(selector);
const MOST = 4;   // own cards on the page
let number = 0;

store.on("result", ({ result }) => {
  $(".card").disabled = $(".take").disabled = !result;
  $(".words").textContent = result ? t(result.card.title) : t`A trained network can stand beside the others, and be taken home.`;
});
$(".card").onclick = () => {
  const { result, yours } = store.state;
  if (!yours.some(m => m.own === result.id)) {
    const name = `yours-${++number}`;
    store.set({ yours: [...yours, { ...result.card, name, label: "Yours", detail: name, own: result.id }].slice(-MOST) });
  }
  store.say(t`Your network is one of the cards, on this page only, until you leave.`);
  store.open("denoise");
};
$(".take").onclick = async () => {
  const reply = await store.ask(server.checkpoint, { id: store.state.result.id });
  if (!reply) return;
  const address = URL.createObjectURL(new Blob([store.bytes(reply.content)], { type: "application/zip" }));
  store.download(address, reply.name);
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  store.say(t`Saved. Both files, put into the folder checkpoints, load as any model.`);
};
