/* How well the plane keeps the digits apart, in one figure of this very map. */
window.denoiser.on("chart", ({ chart }) => {
  element.querySelector(".accuracy").innerHTML = chart?.codes
    ? `Ask the 10 nearest neighbours of a test digit what it is, and they are right <b>${(chart.codes.accuracy * 100).toFixed(1)} %</b> of the time.` : "";
});
