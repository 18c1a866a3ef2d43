// Which process is shown, in which colours.
let chosen = null;

function chosenDraw() {
  if (!chosen) {
    for (const id of ["tiles", "timeline", "map", "classes", "flame", "processes"]) at(id).hidden = true;
    return;
  }
  tilesDraw(chosen);
  timelineDraw(chosen);
  mapDraw(chosen);
  classesDraw(chosen);
  flameDraw(chosen);
  processesDraw(chosen, choose);
  at("process").value = String(processes.indexOf(chosen));
}

function choose(process) {
  chosen = process;
  zoomed = null;
  flameFocus = null;
  tipHide();
  chosenDraw();
}

function chooserDraw() {
  at("chooser").hidden = processes.length < 2;
  show("process", treeRows().map(({process, depth}) => tag("option", {value: processes.indexOf(process)},
    "\u00a0\u00a0".repeat(Math.min(depth, 8)) + nameOf(process))));
  at("process").addEventListener("change", () => choose(processes[Number(at("process").value)]));
  at("chosen").textContent = `of ${processes.length}`;
}

function themeSet(theme) {
  document.documentElement.dataset.theme = theme;
  at("theme").textContent = theme === "dark" ? "Light" : "Dark";
}

function themeStart() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  themeSet(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => themeSet(dark.matches ? "dark" : "light"));
  at("theme").addEventListener("click", () => themeSet(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
}

themeStart();
flameStart(() => chosen);
document.body.append(hatch());
headDraw();
chooserDraw();
violationsDraw();
aboutDraw();
choose(processes.find((process) => process.pid === data.program.pid) || processes[0] || null);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width && chosen) chosenDraw();
  width = innerWidth;
});
document.documentElement.dataset.drawn = "yes";
