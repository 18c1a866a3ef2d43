// Which calls hold the memory, of a profile: what calls stands above what it calls, as wide as the bytes that were taken
// by way of it. The chosen call and its callers fill the width.
const CALL_HIGH = 20, CALL_NARROW = 2;
let flameMoment = "peak";
let flameFocus = null; // names from the outermost in
let flameSearch = "";

function flameTree(stacks, moment) {
  const root = {name: "all", value: 0, depth: 0, above: null, below: new Map()};
  for (const stack of stacks) {
    const bytes = stack[`${moment}_bytes`];
    if (!(bytes > 0)) continue;
    let call = root;
    root.value += bytes;
    for (const name of stack.calls.length > 0 ? stack.calls : ["other"]) {
      if (!call.below.has(name)) call.below.set(name, {name, value: 0, depth: call.depth + 1, above: call, below: new Map()});
      call = call.below.get(name);
      call.value += bytes;
    }
  }
  return root;
}

function callPath(call) {
  return call.above === null ? [] : [...callPath(call.above), call.name];
}

function callAt(root, path) {
  let call = root;
  for (const name of path || []) call = call && call.below.get(name);
  return call || root;
}

// Bars from the top down; what is too narrow to be seen is left out with all below it.
function barsOf(focus, width) {
  const bars = [];
  for (let call = focus.above; call !== null; call = call.above) bars.push({call, x: 0, wide: width});
  bars.reverse();
  function add(call, x, wide) {
    if (wide < CALL_NARROW) return;
    bars.push({call, x, wide});
    for (const below of [...call.below.values()].sort((a, b) => b.value - a.value)) {
      const part = wide * below.value / call.value;
      add(below, x, part);
      x += part;
    }
  }
  add(focus, 0, width);
  return bars;
}

// A name has the same shade wherever it stands.
function shadeOf(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % 4;
}

function isFound(call) {
  return flameSearch !== "" && call.name.toLowerCase().includes(flameSearch);
}

// Bytes below calls that are found, each once.
function foundBytes(call) {
  return isFound(call) ? call.value : [...call.below.values()].reduce((sum, below) => sum + foundBytes(below), 0);
}

function callRows(call, root) {
  return [["bytes", sizeText(call.value)], ["of all", percentText(call.value, root.value)]];
}

// To which bar an arrow leads: up to what calls, down to the widest that is called, aside in the row.
function barBeside(bars, index, key) {
  const {call} = bars[index];
  if (key === "ArrowUp") return bars.findIndex((bar) => bar.call === call.above);
  if (key === "ArrowDown") return bars.findIndex((bar) => bar.call.above === call);
  const row = bars.map((bar, i) => [bar, i]).filter(([bar]) => bar.call.depth === call.depth).map(([, i]) => i);
  return row[row.indexOf(index) + (key === "ArrowLeft" ? -1 : 1)];
}

function flameGraph(root, focus, choose) {
  const width = Math.max(280, at("flame-graph").clientWidth);
  const bars = barsOf(focus, width);
  const deepest = Math.max(...bars.map((bar) => bar.call.depth));
  const ring = svg("rect", {class: "chosen-cell", height: CALL_HIGH - 2, visibility: "hidden"});
  let chosen = bars.findIndex((bar) => bar.call === focus);
  const parts = bars.map(({call, x, wide}) => {
    const y = call.depth * CALL_HIGH;
    const letters = Math.floor((wide - 8) / 6.6);
    const kind = `call shade${shadeOf(call.name)}${call.depth < focus.depth ? " above" : ""}${isFound(call) ? " found" : ""}`;
    return svg("g", {class: kind, "data-call": call.name, "data-bytes": call.value},
      svg("rect", {x, y, width: Math.max(1, wide - 1), height: CALL_HIGH - 2, rx: 2}),
      letters >= 3 ? svg("text", {x: x + 4, y: y + 13}, call.name.length > letters ? `${call.name.slice(0, letters - 1)}…` : call.name) : null);
  });
  const barIn = (event) => {
    const [x, y] = pointIn(drawing, event);
    const depth = Math.floor(y / CALL_HIGH);
    return bars.find((bar) => bar.call.depth === depth && x >= bar.x && x < bar.x + bar.wide);
  };
  const drawing = svg("svg", {viewBox: `0 0 ${width} ${(deepest + 1) * CALL_HIGH}`, role: "img", tabindex: 0,
    "aria-label": `Calls that hold ${sizeText(root.value)}. Arrow keys move, Enter enlarges, Escape shows all.`,
    click: (event) => {
      const bar = barIn(event);
      if (bar) choose(bar.call);
    },
    pointermove: (event) => {
      const bar = barIn(event);
      if (bar) tipShow(event.clientX, event.clientY, bar.call.name, callRows(bar.call, root));
      else tipHide();
    },
    pointerleave: tipHide,
    blur: () => {
      ring.setAttribute("visibility", "hidden");
      tipHide();
    },
    keydown: (event) => {
      if (event.key === "Escape") choose(root);
      if (event.key === "Enter") choose(bars[chosen].call);
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      const beside = barBeside(bars, chosen, event.key);
      if (beside === undefined || beside < 0) return;
      chosen = beside;
      const {call, x, wide} = bars[chosen];
      fill(ring, {x, y: call.depth * CALL_HIGH, width: Math.max(1, wide - 1), visibility: "visible"}, []);
      const box = drawing.getBoundingClientRect();
      tipShow(box.left + x / width * box.width, box.top + (call.depth + 1) * CALL_HIGH / (deepest + 1) / CALL_HIGH * box.height,
        call.name, callRows(call, root));
    }}, parts, ring);
  return drawing;
}

function flameDraw(process) {
  const profile = process.detail && process.detail.profile;
  at("flame").hidden = !profile;
  if (!profile) return;
  const redraw = () => flameDraw(process);
  choice("flame-when", [["live", "At the end"], ["peak", "At the peak"], ["all", "All in all"]], flameMoment, (moment) => {
    flameMoment = moment;
    redraw();
  });
  const root = flameTree(profile.stacks, flameMoment);
  const focus = callAt(root, flameFocus);
  const what = {live: "held at the end", peak: "held at the peak", all: "taken in all"}[flameMoment];
  const found = flameSearch !== "" ? ` ${sizeText(foundBytes(root))} of it (${percentText(foundBytes(root), root.value)}) by way of what was searched for.` : "";
  at("flame-lead").textContent = `${sizeText(root.value)} ${what}, estimated from ${plural(profile.samples, "sample")} of one in ` +
    `${sizeText(profile.rate_bytes)}.${found} Choose a call to enlarge it.`;
  show("flame-graph", flameGraph(root, focus, (call) => {
    flameFocus = callPath(call);
    tipHide();
    redraw();
    at("flame-graph").querySelector("svg").focus();
  }));
}

function flameStart(shown) {
  at("flame-search").addEventListener("input", () => {
    flameSearch = at("flame-search").value.trim().toLowerCase();
    flameDraw(shown());
  });
}
