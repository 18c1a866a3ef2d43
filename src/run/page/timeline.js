// The course of one process: what it held, what it gave back, how busy it was, and what happened.
const SERIES = [
  ["live", "live", "live_bytes", "slots handed out and not given back"],
  ["resident", "resident", "resident_bytes", "of the whole process, with its code and stacks"],
  ["committed", "committed", "committed_bytes", "mapped and writable for blocks"],
  ["quarantined", "quarantine", "quarantined_bytes", "freed, and waiting"],
];
const hidden = new Set();

// A path over the samples of which the value is known.
function pathOf(history, column, x, y) {
  const times = timesOf(history, column);
  const last = history.at_ns.length - 1;
  let path = "";
  history[column].forEach((value, i) => {
    if (value !== null && (i === 0 || times[i] > times[i - 1]))
      path += `${path !== "" ? "L" : "M"}${x(times[i]).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return times[last] < history.at_ns[last] ? `${path}H${x(history.at_ns[last]).toFixed(1)}` : path;
}

function areaOf(history, column, x, y) {
  const first = x(timesOf(history, column)[0]).toFixed(1);
  const last = x(history.at_ns[history.at_ns.length - 1]).toFixed(1);
  return `${pathOf(history, column, x, y)}L${last} ${y(0)}L${first} ${y(0)}Z`;
}

function bars(history, values, most, name, x, top, height) {
  const times = history.numbers_at_ns;
  return values.map((value, i) => {
    if (!(value > 0) || (i > 0 && times[i] === times[i - 1])) return null;
    const right = x(times[i]);
    const left = i > 0 ? x(times[i - 1]) : right - 2;
    const high = Math.max(1.5, height * value / most);
    const wide = Math.max(1.5, right - left - .5);
    return svg("rect", {class: `bar ${name}`, x: (right - wide).toFixed(1), y: (top + height - high).toFixed(1), width: wide.toFixed(1), height: high.toFixed(1)});
  });
}

function eventMark(kind, x, y) {
  const shape = {
    violation: `M${x} ${y - 6}L${x + 6} ${y + 5}H${x - 6}Z`,
    fork: `M${x} ${y - 6}L${x + 5} ${y}L${x} ${y + 6}L${x - 5} ${y}Z`,
    exec: `M${x - 4} ${y - 4}H${x + 4}V${y + 4}H${x - 4}Z`,
    sweep: `M${x - 1} ${y - 6}H${x + 1}V${y + 6}H${x - 1}Z`,
  }[kind];
  return svg("path", {class: `event ${kind}`, d: shape});
}

const EVENT_NAMES = {violation: "misuse", fork: "started", exec: "became", sweep: "sweeps"};

// The panels below the lines, each as high as it needs to be.
function panelsOf(history, events) {
  const returned = growth(history, "returned_bytes");
  const panels = [];
  if (returned.some((value) => value > 0)) panels.push({name: "returned", title: "given back", values: returned, text: sizeText});
  panels.push({name: "allocations", title: "allocs/s", values: rateOf(history, "allocations"), text: (value) => countText(Math.round(value))});
  for (const kind of Object.keys(EVENT_NAMES))
    if (events.some((event) => event.kind === kind)) panels.push({kind, title: EVENT_NAMES[kind]});
  return panels;
}

function timelineLegend(shown, redraw) {
  show("timeline-legend", shown.map(([name, text, , what]) =>
    tag("button", {type: "button", title: what, "aria-pressed": String(!hidden.has(name)), click: () => {
      if (!hidden.delete(name)) hidden.add(name);
      redraw();
    }}, lineMark(name), text)));
}

function timelineDraw(process) {
  const history = process.detail && process.detail.history;
  const plot = at("timeline-plot");
  if (!history || history.at_ns.length < 2) {
    show("timeline-legend");
    at("timeline-lead").textContent = "It ended before there was more than one look at it.";
    plot.replaceChildren();
    return;
  }
  const known = (column) => history[column].some((value) => value !== null && value > 0);
  const shown = SERIES.filter(([, , column]) => known(column));
  const lines = shown.filter(([name]) => !hidden.has(name));
  const events = eventsOf(process);
  at("timeline-lead").textContent = `${plural(history.at_ns.length, "look")} in ${timeText(spanOf(process)[1] - spanOf(process)[0])}` +
    (events.length > 0 ? `; ${plural(events.length, "event")}.` : ".") +
    " Numbers are those of the last housekeeping: a few times a second while it allocates.";
  timelineLegend(shown, () => timelineDraw(process));

  const width = Math.max(320, plot.clientWidth || 960);
  const left = 84, right = 12, high = width < 560 ? 190 : 260, panelHigh = 48, railHigh = 24;
  const most = Math.max(1, ...lines.flatMap(([, , column]) => history[column].filter((value) => value !== null)));
  const span = spanOf(process);
  const x = scale(span[0], span[1], left, width - right);
  const y = scale(0, most * 1.04, high, 12);
  const parts = ticks(most, 1024, 4).map((value) => [
    svg("path", {class: "grid", d: `M${left} ${Math.round(y(value)) + .5}H${width - right}`}),
    svg("text", {x: left - 8, y: y(value) + 4, "text-anchor": "end"}, sizeText(value)),
  ]);
  for (const [name, , column] of lines) {
    if (name === "live") parts.push(svg("path", {class: "series area live", d: areaOf(history, column, x, y)}));
    parts.push(svg("path", {class: `series ${name}`, d: pathOf(history, column, x, y), "data-series": name}));
  }
  let top = high + 10;
  const panels = panelsOf(history, events);
  for (const panel of panels) {
    if (panel.values) {
      const highest = Math.max(...panel.values, 1e-9);
      parts.push(svg("text", {x: left - 8, y: top + panelHigh - 2, "text-anchor": "end"}, panel.title),
        svg("path", {class: "grid", d: `M${left} ${top + panelHigh + .5}H${width - right}`}),
        ...bars(history, panel.values, highest, panel.name, x, top + 14, panelHigh - 14).filter((bar) => bar),
        svg("text", {x: width - right, y: top + 8, "text-anchor": "end"}, `up to ${panel.text(highest)}`));
      top += panelHigh + 10;
    } else {
      const middle = top + railHigh / 2;
      parts.push(svg("text", {x: left - 8, y: middle + 4, "text-anchor": "end"}, panel.title),
        svg("path", {class: "grid", d: `M${left} ${Math.round(middle) + .5}H${width - right}`}),
        ...events.filter((event) => event.kind === panel.kind).map((event) => eventMark(event.kind, Math.round(x(event.at)), middle)));
      top += railHigh;
    }
  }
  for (const value of ticks(span[1] - span[0], 1000, width < 560 ? 4 : 8).slice(0, -1).concat([span[1] - span[0]]))
    parts.push(svg("text", {x: x(span[0] + value), y: top + 18, "text-anchor": value === 0 ? "start" : value === span[1] - span[0] ? "end" : "middle"}, value === 0 ? "0" : timeText(value)));
  plot.replaceChildren(timelineCursor(svg("svg", {viewBox: `0 0 ${width} ${top + 24}`, role: "img", tabindex: 0,
    "aria-label": `Memory of ${nameOf(process)} over time. Arrow keys move through it.`}, parts.flat()), {history, lines, events, panels, x, y, top, left, span}));
}

// The line under the pointer, or moved by the arrow keys, and what the numbers were there.
function timelineCursor(drawing, view) {
  const {history, events, x, y} = view;
  const line = svg("path", {class: "cursor"});
  const dots = svg("g");
  let index = history.at_ns.length - 1;
  function put(next, point) {
    index = Math.max(0, Math.min(history.at_ns.length - 1, next));
    const ns = history.at_ns[index];
    line.setAttribute("d", `M${Math.round(x(ns)) + .5} 8V${view.top}`);
    dots.replaceChildren(...view.lines.filter(([, , column]) => history[column][index] !== null).map(([name, , column]) =>
      svg("circle", {class: `dot series ${name}`, cx: x(ns), cy: y(history[column][index]), r: 4})));
    const near = events.filter((event) => Math.abs(x(event.at) - x(ns)) < 6).slice(0, 6);
    const box = drawing.getBoundingClientRect();
    const place = point || [box.left + x(ns) / drawing.viewBox.baseVal.width * box.width, box.top + 20];
    tipShow(place[0], place[1], `after ${timeText(ns - view.span[0])}`, [
      ...view.lines.map(([, text, column]) => [text, sizeText(history[column][index])]),
      ...view.panels.filter((panel) => panel.values).map((panel) => [panel.title, panel.text(panel.values[index])]),
      ["threads", countText(history.threads[index])],
      ...near.map((event) => [EVENT_NAMES[event.kind], event.text])]);
  }
  function nearest(position) {
    let best = 0;
    history.at_ns.forEach((ns, i) => {
      if (Math.abs(x(ns) - position) < Math.abs(x(history.at_ns[best]) - position)) best = i;
    });
    return best;
  }
  function leave() {
    line.removeAttribute("d");
    dots.replaceChildren();
    tipHide();
  }
  const follow = (event) => put(nearest(pointIn(drawing, event)[0]), [event.clientX, event.clientY]);
  return fill(drawing, {
    pointermove: follow, pointerdown: follow, pointerleave: leave, blur: leave,
    keydown: (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -16, PageDown: 16, Home: -1e9, End: 1e9}[event.key];
      if (step !== undefined) {
        event.preventDefault();
        put(index + step, null);
      } else if (event.key === "Escape") leave();
    },
  }, [line, dots]);
}
