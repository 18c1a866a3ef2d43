// What all charts share: scales, the tip that follows the pointer, marks of a legend.
function scale(from, to, low, high) {
  const span = to > from ? to - from : 1;
  return (value) => low + (value - from) / span * (high - low);
}

// Where lines of the grid lie: few, and at round numbers. base: 1024 for sizes, 1000 for the rest.
function ticks(most, base, count) {
  if (!(most > 0)) return [0];
  const unit = base ** Math.floor(Math.log(most) / Math.log(base));
  const steps = base === 1024 ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] : [1, 2, 5, 10, 20, 50, 100, 200, 500];
  const step = [...steps.map((s) => s * unit / base), ...steps.map((s) => s * unit), base * unit].find((s) => most / s <= count);
  const all = [];
  for (let value = 0; value <= most * 1.0001; value += step) all.push(value);
  return all;
}

// rows: [name, value] pairs.
function tipShow(x, y, title, rows) {
  const tip = at("tip");
  tip.replaceChildren(tag("b", null, title), ...rows.map(([name, value]) => tag("div", null, tag("span", null, name), tag("span", null, value))));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  tip.style.left = `${Math.max(8, Math.min(left, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(8, Math.min(y + 16, innerHeight - box.height - 8))}px`;
}

function tipHide() {
  at("tip").hidden = true;
}

// In the units of the drawing.
function pointIn(drawing, event) {
  const box = drawing.getBoundingClientRect();
  const view = drawing.viewBox.baseVal;
  return [(event.clientX - box.left) / box.width * view.width, (event.clientY - box.top) / box.height * view.height];
}

function lineMark(name) {
  return svg("svg", {width: 22, height: 10, "aria-hidden": "true"}, svg("path", {class: `series ${name}`, d: "M0 5H22"}));
}

function boxMark(className, style) {
  return svg("svg", {width: 14, height: 14, "aria-hidden": "true"},
    svg("rect", {class: className, width: 14, height: 14, rx: 2, ...style}),
    svg("rect", {class: "frame", x: .5, y: .5, width: 13, height: 13, rx: 2}));
}

// Slanted lines, for memory that is there and not in use.
function hatch() {
  return svg("svg", {width: 0, height: 0, "aria-hidden": "true"}, svg("defs", null,
    svg("pattern", {id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
      svg("rect", {class: "hatch-ground", width: 6, height: 6}), svg("path", {class: "hatch", d: "M0 0V6"}))));
}

// Buttons of which one is pressed.
function choice(id, options, chosen, choose) {
  show(id, options.map(([value, text]) =>
    tag("button", {type: "button", "aria-pressed": String(value === chosen), click: () => choose(value)}, text)));
}
