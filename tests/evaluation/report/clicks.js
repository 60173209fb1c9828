// Clicks through a report and posts {claim: whether it held} to the frame around it.
// It runs after report.js, in the same page, and so sees its names (cases, shown, zoom ...).
const claims = {};
const claim = (text, held) => { claims[text] = Boolean(held); };
const title = () => byId("case-task").textContent;
const key = (target, name) => target.dispatchEvent(
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
const change = (id, value) => {
  byId(id).value = value;
  byId(id).dispatchEvent(new Event("change", { bubbles: true }));
};
addEventListener("error", (event) => { claims[`no error: ${event.message}`] = false; });
addEventListener("load", () => setTimeout(() => {
  try { click(); } catch (error) { claims[`no exception: ${error}`] = false; }
  parent.postMessage(JSON.stringify(claims), "*");
}, 50));

function click() {
  claim("the page is no wider than the window", document.documentElement.scrollWidth <= innerWidth);
  claim("all cases are listed", byId("list").children.length === cases.length);
  claim("the worst case is shown", shown[0] === cases[0] && title().includes(`1 of ${cases.length}`));
  claim("pictures have loaded", [...document.querySelectorAll(".viewer img")].every((i) => i.naturalWidth));
  claim("each method and the reference has a column",
    document.querySelectorAll(".column").length === methods.length + 1);

  const enlarged = [...document.querySelectorAll("#figures .gray")];
  claim("the typical and the worst slice are shown under every method",
    enlarged.length === 2 * (methods.length + 1) && enlarged.every((i) => i.naturalWidth));
  claim("they are enlarged", enlarged.every((i) => i.clientWidth >= (innerWidth > 800 ? 200 : 100)));
  claim("the second is the worst", enlarged[methods.length + 1].src === cases[0].images[columns[0]]);
  byId("window").value = 0.5; byId("level").value = 0.4;
  byId("window").dispatchEvent(new Event("input"));
  // The filters' product at 0.15 and 0.65, the ends of the window, is black and white.
  const [bright, contrast] = getComputedStyle(enlarged[0]).filter.match(/[\d.]+/g).map(Number);
  const windowed = (x) => (x * bright - 0.5) * contrast + 0.5;
  claim("window and level map their range from black to white",
    Math.abs(windowed(0.15)) < 0.01 && Math.abs(windowed(0.65) - 1) < 0.01);
  const below = ["#stage-left", "#stage-right", ".picture img", ".zoom"].map((where) => document.querySelector(where));
  claim("they reach the viewer, and its own sliders follow",
    below.every((e) => getComputedStyle(e).filter === getComputedStyle(enlarged[0]).filter) &&
    [...document.querySelectorAll("[name=window]")].map((i) => i.value).join() === "0.5,0.5");

  byId("next").click();
  claim("next shows the second case", title().includes("2 of"));
  key(document.body, "n");
  claim("the key n goes on", title().includes("3 of"));
  key(document.body, "p"); byId("previous").click(); byId("previous").click();
  claim("before the first comes the last", title().includes(`${cases.length} of`));
  byId("list").querySelector("button").click();
  claim("a click in the list shows that case", title().includes("1 of"));

  byId("slider").value = 20;
  byId("slider").dispatchEvent(new Event("input"));
  claim("the slider moves the divider", byId("stage").style.getPropertyValue("--at") === "20%");
  change("right", "reference");
  claim("the right picture is the one chosen", byId("stage-right").src === shown[0].images.reference);

  const picture = document.querySelector(".picture"), before = [...zoom];
  picture.focus();
  claim("a picture can have the focus", document.activeElement === picture);
  key(picture, zoom[0] > 0.3 ? "ArrowLeft" : "ArrowRight");
  claim("arrows move the zoom box", Math.abs(zoom[0] - before[0]) > 0.02 && zoom[1] === before[1]);
  const box = picture.getBoundingClientRect();
  picture.dispatchEvent(new PointerEvent("pointerdown",
    { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 }));
  claim("a click puts the zoom box there", Math.abs(zoom[0] + 0.125 - 0.5) < 0.02);
  const positions = [...document.querySelectorAll(".zoom")].map((z) => z.style.backgroundPosition);
  claim("all pictures zoom alike", new Set(positions).size === 1 && positions[0] !== "");

  const errors = document.querySelector("[value=error]");
  errors.click();
  claim("error maps can be hidden", getComputedStyle(document.querySelector("img.error")).display === "none");
  errors.click();
  claim("and shown again", getComputedStyle(document.querySelector("img.error")).display !== "none");

  change("acceleration", "2");
  claim("filters leave their cases", shown.length && shown.every((c) => c.acceleration === 2));
  change("acceleration", ""); change("order", "ssim");
  claim("the order is the one chosen", shown[0].values[main].ssim <= shown.at(-1).values[main].ssim);

  document.querySelector("#grid .heat button").click();
  claim("a cell of the grid shows its task",
    shown.length < cases.length && shown.every((c) => c.pattern === cases.find((d) => d.acceleration === 2).pattern));

  const seen = () => [...document.querySelectorAll("#grid .heat")].filter((m) => m.offsetParent);
  claim("the grid of the first method is seen", seen().length === 1 && seen()[0].textContent.includes("of mript "));
  change("grid-method", "unet");
  claim("and of another when it is chosen", seen().length === 1 && seen()[0].textContent.includes("of unet "));

  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs[1].click();
  claim("a tab shows its curves", byId("curves-psnr").hidden && !byId("curves-ssim").hidden);
  key(tabs[1], "ArrowRight");
  claim("arrows go to the next tab", document.activeElement === tabs[2] && !byId("curves-nmse").hidden);

  const heading = [...document.querySelectorAll("#rows th")].find((th) => th.textContent === "PSNR");
  const column = () => [...byId("rows").tBodies[0].rows].map((r) => Number(r.cells[heading.cellIndex].dataset.value));
  heading.firstChild.click();
  claim("a heading sorts upwards", column().every((v, i, all) => !i || all[i - 1] <= v));
  heading.firstChild.click();
  claim("and then downwards", column().every((v, i, all) => !i || all[i - 1] >= v));

  const volume = document.querySelector(".volume");
  volume.open = true;
  fillVolume(volume);
  volume.querySelector(".volume-cases button").click();
  claim("a volume's picture opens in the viewer", byId("case-title").textContent.startsWith(volume.dataset.volume));
  claim("the page is still no wider than the window", document.documentElement.scrollWidth <= innerWidth);

  const theme = document.documentElement.dataset.theme;
  byId("theme").click();
  claim("the theme switches", document.documentElement.dataset.theme !== theme);
  const unnamed = [...document.querySelectorAll("button, select, input, img")].filter((e) =>
    e.offsetParent && !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.hasAttribute("alt") || e.closest("button")?.textContent.trim() || e.querySelector("img[alt]")));
  claim(`every control has a name ${unnamed.map((e) => e.outerHTML.slice(0, 80))}`, !unnamed.length);
}
