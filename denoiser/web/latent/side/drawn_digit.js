/* The visitor's digit: where it lands on each map, and where noise takes it. */
import { fromBase64, toBase64 } from "../../shell/base64.js";
import { findAll, finder, setHtml } from "../../shell/html.js";
import { t, tHtml } from "../../shell/i18n.js";
import { calm, labelPlay } from "../../shell/motion.js";
import { openPage } from "../../shell/navigation.js";
import { clamp } from "../../shell/numbers.js";
import { paintDigit } from "../../shell/pixels.js";
import { ask } from "../../shell/rpc.js";
import { on, set, state } from "../../shell/store.js";
import { copies } from "../copies.js";
import { formatPoint } from "../plane.js";

/** @param {import("../../shell/mount.js").Context} context */
export function mount({ element, server }) {
  const $ = finder(element);
  const slider = $("#latent-noise", HTMLInputElement);
  for (const button of findAll(element, ".draw")) button.onclick = () => openPage("denoise");
  const syncFates = copies($(".fate"), (root) => {
    const find = finder(root);
    return {
      decoded: find(".decoded", HTMLCanvasElement),
      made: find(".made"),
      lands: find(".lands"),
      drifts: find(".drifts"),
    };
  });

  /* ---------- where it lands ---------- */

  let known = "";
  let waiting = 0;
  function follow() {
    // ask once per digit, noise and maps, and only while the page is looked at
    clearTimeout(waiting);
    const { maps, digit, kind, seed, latentPageVisible } = state;
    if (!digit) {
      known = "";
      stop();
      if (state.trajectory) set({ trajectory: null, drift: 0 });
      return mine();
    }
    if (maps?.length && latentPageVisible)
      waiting = setTimeout(locate, 80, { names: maps.map((map) => map.name), picture: toBase64(digit), kind, seed });
  }
  async function locate(request) {
    const key = JSON.stringify(request);
    if (key === known && state.trajectory) return;
    known = key;
    const reply = await ask(server.own, request);
    if (!reply || key !== known) return;
    const { factors } = reply;
    for (const track of Object.values(reply.maps)) {
      track.factors = factors;
      track.decoded = track.decoded.map(fromBase64);
      track.at = (factor) => {
        // between the noise factors that were asked for
        const at = factor * (factors.length - 1);
        const i = Math.min(factors.length - 2, Math.floor(at));
        const u = at - i;
        const between = (rows) => rows[i].map((v, k) => v + (rows[i + 1][k] - v) * u);
        return { mu: between(track.mu), sigma: between(track.sigma) };
      };
    }
    set({ trajectory: { ...reply, noisy: reply.noisy.map(fromBase64) } });
  }
  function mine() {
    const { trajectory, digit, drift = 0 } = state;
    $(".empty").hidden = Boolean(digit);
    $(".rowh .draw").hidden = !digit;
    $(".mine").hidden = !trajectory;
    if (!trajectory) return;
    const { factors, noisy, maps } = trajectory;
    const step = Math.round(drift * (factors.length - 1));
    paintDigit($(".noisy", HTMLCanvasElement), noisy[step]);
    $(".drawn").textContent = step ? t("latent.drawnDigit.withNoise") : t("common.drawn");
    slider.value = factors[step];
    $("output").textContent = factors[step].toFixed(2);
    for (const [name, fate] of syncFates(Object.keys(maps).map((name) => ({ name })))) {
      const track = maps[name];
      const { mu, sigma } = track.at(drift);
      paintDigit(fate.decoded, track.decoded[step]);
      fate.made.textContent =
        track.reads && !state.nonDigit ? t("latent.drawnDigit.made", track.reads[step]) : t("latent.page.decoded");
      setHtml(
        fate.lands,
        tHtml("latent.drawnDigit.landsAt", formatPoint(mu), sigma[0].toFixed(2), sigma[1].toFixed(2)),
      );
      setHtml(fate.drifts, course(track));
    }
  }
  function course({ crossing, reads, drawn, factors }) {
    if (state.nonDigit) return tHtml("latent.drawnDigit.noDigit");
    if (!reads) return tHtml("latent.drawnDigit.drifts");
    if (crossing === null) return tHtml("latent.drawnDigit.neverCrosses", drawn);
    const other = reads[factors.indexOf(crossing)];
    if (crossing === 0) return tHtml("latent.drawnDigit.decodesToOther", other, drawn);
    return tHtml("latent.drawnDigit.crosses", other, crossing.toFixed(2));
  }
  /* ---------- noise rises ---------- */

  let animation = 0;
  const stop = () => {
    cancelAnimationFrame(animation);
    animation = 0;
  };
  slider.oninput = () => {
    stop();
    set({ drift: Number(slider.value) });
  };
  labelPlay($(".play"), t("latent.drawnDigit.drift"));
  $(".play").onclick = () => {
    const { drift = 0 } = state;
    stop();
    set({ driftShown: state.driftShown + 1 });
    if (calm.matches) return set({ drift: drift >= 1 ? 0 : Math.min(1, drift + 0.1) });
    const start = performance.now();
    const go = (now) => {
      const drift = clamp((now - start) / 2600, 0, 1);
      set({ drift });
      animation = drift < 1 && state.trajectory ? requestAnimationFrame(go) : 0;
    };
    animation = requestAnimationFrame(go);
  };
  on("digit kind seed maps latentPageVisible", follow);
  on("trajectory drift digit nonDigit theme", mine);
}
