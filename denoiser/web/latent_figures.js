/* What is known of each map's quality; a row that no map can fill is left out. */
const rows = [
  ["10 nearest neighbours name the digit", "accuracy", v => `${(v * 100).toFixed(1)} %`],
  ["negative ELBO, nats", "negative_elbo", v => v.toFixed(1)],
  ["of it KL, nats", "kl", v => v.toFixed(2)],
];
const maps = Object.entries(props.figures), cell = (tag, text) => `<${tag}>${text}</${tag}>`;
const known = rows.filter(([, key]) => maps.some(([, figures]) => key in figures));
element.hidden = !known.length;
element.querySelector("table").innerHTML = (maps.length > 1 ? `<tr><th></th>${maps.map(([name]) => cell("th", name)).join("")}</tr>` : "")
  + known.map(([words, key, write]) => `<tr>${cell("th", words)}${maps.map(([, figures]) => cell("td", key in figures ? write(figures[key]) : "–")).join("")}</tr>`).join("");
