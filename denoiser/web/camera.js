/* A webcam in a small dialog. store.takePicture() gives a blob, or null where there is none, after saying why. */
const store = window.denoiser, { t } = store;
const dialog = element.querySelector("dialog"), video = element.querySelector("video");
let done = null;   // resolves the promise of the picture

/* the frame shows the middle square of what the camera sees, and so does the picture */
function shot() {
  const side = Math.min(video.videoWidth, video.videoHeight), sheet = Object.assign(document.createElement("canvas"), { width: side, height: side });
  sheet.getContext("2d").drawImage(video, (side - video.videoWidth) / 2, (side - video.videoHeight) / 2);
  return new Promise(give => sheet.toBlob(give, "image/png"));
}
element.querySelector(".take").onclick = async () => { if (video.videoWidth) { done(await shot()); dialog.close(); } };
element.querySelector(".cancel").onclick = () => dialog.close();
dialog.onclose = () => {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  done?.(null);
};

store.takePicture = async () => {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    store.say(error.name === "NotAllowedError" ? t`The browser was told not to show the camera to this page. Upload a picture instead.` : t`No camera was found. Upload a picture instead.`);
    return null;
  }
  video.srcObject = stream;
  dialog.showModal();
  return new Promise(resolve => { done = resolve; });
};
