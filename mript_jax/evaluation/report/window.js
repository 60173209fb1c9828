"use strict";
// Window and level of all gray pictures of a page: its sliders move together.
// y = (x - (level - window / 2)) / window; filters of CSS do it where the window begins at 0 or above.
const sliders = (name) => document.querySelectorAll(`.windowing [name=${name}]`);

function setWindow(event) {
  for (const slider of sliders(event.target.name)) slider.value = event.target.value;
  const window = Number(sliders("window")[0].value);
  const level = Math.max(Number(sliders("level")[0].value), window / 2);
  for (const slider of sliders("level")) slider.value = level;
  document.documentElement.style.setProperty("--bright", 1 / (2 * level));
  document.documentElement.style.setProperty("--contrast", (2 * level) / window);
}

for (const slider of document.querySelectorAll(".windowing input")) slider.addEventListener("input", setWindow);
