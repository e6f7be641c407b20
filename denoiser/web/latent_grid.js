/* The tutorials' n x n picture of decoded digits, to look at and to keep. */
const store = window.denoiser;
const $ = selector => element.querySelector(selector);
const n = $(".n"), area = $(".area"), sheet = $(".sheet"), save = $(".save");
n.innerHTML = props.sizes.map(v => `<option value="${v}" ${v === 15 ? "selected" : ""}>${v} × ${v}</option>`).join("");
area.innerHTML = Object.entries(props.areas).map(([v, text]) => `<option value="${v}" ${v === "quantiles" ? "selected" : ""}>${text}</option>`).join("");

let asked = 0;
async function draw() {
  const { chart } = store.state, mine = ++asked;
  if (!chart) return;
  const reply = await store.ask(server.grid, { name: chart.name, n: Number(n.value), area: area.value });
  if (!reply || mine !== asked) return;
  sheet.src = save.href = `data:image/png;base64,${reply.content}`;
  sheet.alt = `${n.value} by ${n.value} decoded digits, ${area.selectedOptions[0].textContent}`;
  save.download = `${chart.name}-${n.value}x${n.value}.png`;
  sheet.hidden = save.hidden = false;
}
n.onchange = area.onchange = draw;
store.on("chart", draw);
