// The viewer of cases and the small interactions of the page; everything else is plain HTML.
const { methods, main, over, cases, typical, total } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const ZOOM = 0.25; // part of each side that the zoom box covers
const baseline = "zero_filled";
// From what one has to what one wants: the baseline, the methods, the reference.
const columns = [...methods.filter((m) => m === baseline), ...methods.filter((m) => m !== baseline)];
let shown = []; // the cases that pass the filters, in order
let current = 0;
let zoom = [0, 0]; // left and top of the zoom box, as fractions

// ---------------------------------------------------------------- small helpers
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
const words = (name) => name.replaceAll("_", " ");
const taskOf = (c) => `${words(c.pattern)} ${c.acceleration}×`;
const psnr = (c, method) => c.values[method].psnr;
const gain = (c) => psnr(c, main) - (over in c.values ? psnr(c, over) : 0);
const clamp = (value) => Math.min(Math.max(value, 0), 1 - ZOOM);

// ---------------------------------------------------------------- a typical slice, and the worst
function fillFigures() {
  byId("first").hidden = !cases.length;
  if (!cases.length) return;
  const figures = [figure(cases[typical], `Typical: the PSNR nearest to the median of ${total}`)];
  if (cases.length > 1) figures.push(figure(cases[0], `Worst: the lowest PSNR of ${total}`));
  byId("figures").replaceChildren(...figures);
}

function figure(c, told) {
  const names = [...columns, "reference"];
  const parts = names.map((name) => {
    const values = c.values[name];
    const figures = values ? `${values.psnr.toFixed(2)} dB, SSIM ${values.ssim.toFixed(3)}` : "";
    return make("div", {},
      make("p", {}, make("b", {}, words(name)), make("br"), figures),
      make("img", { className: "gray", src: c.images[name], alt: words(name) }),
      values ? make("img", { src: c.errors[name], alt: `error of ${words(name)}` }) : colorScale(c));
  });
  const row = make("div", { className: "enlarged" }, ...parts);
  const about = `${c.volume}, slice ${c.slice}, ${taskOf(c)} (true ${c.trueAcceleration}×)`;
  return make("figure", {}, make("figcaption", {}, make("b", {}, told), ` · ${about}`), row);
}

const colorScale = (c) => make("p", { className: "scale" }, "error 0 ", make("i"), ` ${c.errorScale} or more`);

// ---------------------------------------------------------------- which cases, in which order
const ORDERS = {
  psnr: (a, b) => psnr(a, main) - psnr(b, main),
  ssim: (a, b) => a.values[main].ssim - b.values[main].ssim,
  gain: (a, b) => gain(a) - gain(b),
  task: (a, b) => a.pattern.localeCompare(b.pattern) || a.acceleration - b.acceleration,
};

function fillFilters() {
  const patterns = [...new Set(cases.map((c) => c.pattern))];
  const accelerations = [...new Set(cases.map((c) => c.acceleration))].sort((a, b) => a - b);
  byId("pattern").append(...patterns.map((p) => new Option(words(p), p)));
  byId("acceleration").append(...accelerations.map((a) => new Option(`${a}×`, a)));
  for (const id of ["order", "pattern", "acceleration"]) byId(id).addEventListener("change", select);
}

function select() {
  const pattern = byId("pattern").value, acceleration = byId("acceleration").value;
  shown = cases
    .filter((c) => !pattern || c.pattern === pattern)
    .filter((c) => !acceleration || c.acceleration === Number(acceleration))
    .sort(ORDERS[byId("order").value]);
  byId("list").replaceChildren(...shown.map(listEntry));
  if (!shown.length) byId("list").append(make("li", { className: "none" }, "No pictures of this task."));
  byId("viewer").hidden = !shown.length;
  show(0);
}

function listEntry(c, index) {
  const better = over in c.values && main !== over ? `, ${gain(c) < 0 ? "" : "+"}${gain(c).toFixed(1)}` : "";
  const text = make("span", {}, make("b", {}, `${psnr(c, main).toFixed(1)} dB${better}`),
    make("small", {}, taskOf(c)), make("small", {}, `${c.volume}, slice ${c.slice}`));
  const button = make("button", { type: "button", onclick: () => show(index) },
    make("img", { src: c.images[main], alt: "", loading: "lazy" }), text);
  return make("li", {}, button);
}

// ---------------------------------------------------------------- one case
function show(index) {
  if (!shown.length) return;
  current = (index + shown.length) % shown.length;
  const c = shown[current];
  const buttons = byId("list").querySelectorAll("button");
  buttons.forEach((button, i) =>
    i === current ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current"));
  keepInView(buttons[current]);
  byId("case-title").textContent = `${c.volume}, slice ${c.slice}`;
  byId("case-task").textContent =
    `${taskOf(c)} (true ${c.trueAcceleration}×) · ${current + 1} of ${shown.length}`;
  byId("mask").src = c.mask;
  byId("stage").style.aspectRatio = `${c.size[1]} / ${c.size[0]}`;
  byId("scale-end").textContent = `${c.errorScale} or more`;
  compare();
  zoom = c.zoom;
  byId("panels").replaceChildren(...[...columns, "reference"].map((name) => column(c, name)));
  moveZoom(0, 0);
}

function keepInView(button) { // within the list only: the page must not jump
  const list = byId("list"), box = list.getBoundingClientRect(), at = button.getBoundingClientRect();
  if (at.top < box.top || at.bottom > box.bottom) list.scrollTop += at.top - box.top;
  if (at.left < box.left || at.right > box.right) list.scrollLeft += at.left - box.left;
}

function compare() {
  const c = shown[current];
  for (const side of ["left", "right"]) {
    const name = byId(side).value;
    byId(`stage-${side}`).src = c.images[name];
    byId(`stage-${side}`).alt = words(name);
  }
}

function column(c, name) {
  const values = c.values[name];
  const figures = values
    ? [make("span", {}, `${values.psnr.toFixed(2)} dB`), make("span", {}, `SSIM ${values.ssim.toFixed(3)}`)]
    : [];
  const picture = make("button", { type: "button", className: "picture", title: "Click to zoom here" },
    make("img", { className: "gray", src: c.images[name], alt: words(name) }), make("i"));
  picture.addEventListener("pointerdown", (event) => { picture.dragging = true; zoomTo(event); });
  picture.addEventListener("pointermove", (event) => { if (event.buttons) zoomTo(event); });
  picture.addEventListener("keydown", zoomKeys);
  const part = make("div", { className: "zoom gray", role: "img", ariaLabel: `${words(name)}, zoomed` });
  part.style.backgroundImage = `url(${c.images[name]})`;
  part.style.aspectRatio = `${c.size[1]} / ${c.size[0]}`;
  const inset = make("div", { className: "inset" }, part); // its frame is not windowed
  const error = values
    ? make("img", { className: "error", src: c.errors[name], alt: `error of ${words(name)}` })
    : make("span");
  const spectrum = make("img", { className: "kspace", src: c.kspace[name], alt: `k-space of ${words(name)}` });
  return make("div", { className: "column" },
    make("header", {}, make("b", {}, words(name)), ...figures), picture, inset, error, spectrum);
}

// ---------------------------------------------------------------- the zoom box
function zoomTo(event) {
  const box = event.currentTarget.getBoundingClientRect();
  zoom = [(event.clientX - box.left) / box.width - ZOOM / 2, (event.clientY - box.top) / box.height - ZOOM / 2];
  moveZoom(0, 0);
}

function zoomKeys(event) {
  const step = { ArrowLeft: [-0.03, 0], ArrowRight: [0.03, 0], ArrowUp: [0, -0.03], ArrowDown: [0, 0.03] }[event.key];
  if (!step) return;
  event.preventDefault();
  moveZoom(...step);
}

function moveZoom(right, down) {
  zoom = [clamp(zoom[0] + right), clamp(zoom[1] + down)];
  const percent = zoom.map((z) => `${(100 * z) / (1 - ZOOM)}%`);
  for (const inset of document.querySelectorAll(".zoom")) inset.style.backgroundPosition = percent.join(" ");
  for (const frame of document.querySelectorAll(".picture i"))
    frame.style.inset = `${100 * zoom[1]}% ${100 * (1 - ZOOM - zoom[0])}% ${100 * (1 - ZOOM - zoom[1])}% ${100 * zoom[0]}%`;
}

// ---------------------------------------------------------------- controls of the viewer
function setUpViewer() {
  for (const side of ["left", "right"]) {
    byId(side).append(...[...columns, "reference"].map((name) => new Option(words(name), name)));
    byId(side).addEventListener("change", compare);
  }
  byId("left").value = columns[0];
  byId("right").value = main === columns[0] ? "reference" : main;
  byId("slider").addEventListener("input", (event) =>
    byId("stage").style.setProperty("--at", `${event.target.value}%`));
  byId("previous").addEventListener("click", () => show(current - 1));
  byId("next").addEventListener("click", () => show(current + 1));
  for (const box of document.querySelectorAll("[name=show]"))
    box.addEventListener("change", () => byId("panels").classList.toggle(`hide-${box.value}`, !box.checked));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, textarea")) return;
    if (event.key === "n") show(current + 1);
    if (event.key === "p") show(current - 1);
  });
}

// ---------------------------------------------------------------- grid and volumes lead to cases
function setUpTasks() {
  document.addEventListener("click", (event) => {
    const cell = event.target.closest("button[data-pattern]");
    if (!cell) return;
    byId("pattern").value = cell.dataset.pattern;
    byId("acceleration").value = cell.dataset.acceleration;
    if (byId("pattern").selectedIndex < 0) byId("pattern").value = "";
    if (byId("acceleration").selectedIndex < 0) byId("acceleration").value = "";
    select();
    const volume = cell.closest(".volume");
    const own = shown.findIndex((c) => volume && c.volume === volume.dataset.volume);
    if (own >= 0) show(own);
    byId("cases").scrollIntoView();
  });
  byId("grid-method")?.addEventListener("change", (event) => {
    for (const map of document.querySelectorAll("#grid [data-method]"))
      map.hidden = map.dataset.method !== event.target.value;
  });
  for (const volume of document.querySelectorAll(".volume"))
    volume.addEventListener("toggle", () => fillVolume(volume), { once: true });
}

function fillVolume(volume) {
  const own = cases.filter((c) => c.volume === volume.dataset.volume);
  volume.querySelector(".volume-cases").append(...own.map((c) => make("button", {
    type: "button",
    onclick: () => {
      byId("pattern").value = byId("acceleration").value = "";
      select();
      show(shown.indexOf(c));
      byId("cases").scrollIntoView();
    },
  }, make("img", { src: c.images[main], alt: "" }), `${psnr(c, main).toFixed(1)} dB`, make("br"), taskOf(c))));
}

// ---------------------------------------------------------------- tabs, table, theme
function setUpTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (chosen) => tabs.forEach((tab) => {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
  });
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      next.focus();
      choose(next);
    });
  });
  choose(tabs[0]);
}

function setUpTable() {
  const body = byId("rows").tBodies[0], heads = [...byId("rows").tHead.rows[0].cells];
  const value = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent;
  heads.forEach((head, i) => head.firstChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((h) => h.setAttribute("aria-sort", h !== head ? "none" : down ? "descending" : "ascending"));
    const rows = [...body.rows].sort((a, b) =>
      parseFloat(value(a, i)) - parseFloat(value(b, i)) || value(a, i).localeCompare(value(b, i)));
    body.append(...(down ? rows.reverse() : rows));
  }));
}

function setUpTheme() {
  const root = document.documentElement;
  root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  });
}

setUpTheme();
setUpTabs();
setUpTable();
setUpTasks();
fillFigures();
fillFilters();
setUpViewer();
select();
