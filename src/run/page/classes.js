// Size classes: what is in use, what slots are larger than what was asked for, and slots that nobody has.
const CLASSES_SHOWN = 12;
let classesOrder = "held";
let classesAll = false;

// Not known exactly: what was asked for is estimated, and threads keep free slots that count as used meanwhile.
function partsOf(row) {
  const live = row.slot_bytes === null ? row.requested_bytes : row.live_blocks * row.slot_bytes;
  const requested = Math.min(row.requested_bytes, live);
  const slack = row.slot_bytes === null ? Math.max(0, row.held_bytes - requested) : live - requested;
  const free = row.slot_bytes === null ? 0 : Math.max(0, row.held_bytes - live);
  return {requested, slack, free, held: Math.max(row.held_bytes, requested + slack)};
}

function classBar(parts, most) {
  const wide = (bytes) => 1000 * bytes / most;
  const title = `asked for ${sizeText(parts.requested)}, slack ${sizeText(parts.slack)}, free ${sizeText(parts.free)}`;
  return svg("svg", {viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img", "aria-label": title},
    svg("title", null, title),
    svg("rect", {class: "bar requested", width: wide(parts.requested), height: 10}),
    svg("rect", {class: "bar slack", x: wide(parts.requested), width: wide(parts.slack), height: 10}),
    svg("rect", {class: "bar free", x: wide(parts.requested + parts.slack), width: wide(parts.free), height: 10}));
}

function classesDraw(process) {
  const detail = process.detail;
  const redraw = () => classesDraw(process);
  const atPeak = mapMoment === "peak" && detail && detail.peak_held;
  const all = (detail ? atPeak ? detail.peak_held : detail.held : []).map((row) => ({row, parts: partsOf(row)}));
  at("classes").hidden = all.length === 0;
  if (all.length === 0) return;
  choice("classes-order", [["held", "Most memory"], ["size", "By size"], ["allocations", "Busiest"]], classesOrder, (order) => {
    classesOrder = order;
    redraw();
  });
  const sum = (name) => all.reduce((total, one) => total + one.parts[name], 0);
  const most = Math.max(1, ...all.map((one) => one.parts.held));
  if (classesOrder === "held") all.sort((a, b) => b.parts.held - a.parts.held);
  if (classesOrder === "allocations") all.sort((a, b) => b.row.allocations - a.row.allocations);
  at("classes-lead").textContent = `${atPeak ? "At the peak" : "At the end"}: of ${sizeText(sum("held"))} that slabs and large blocks hold, ` +
    `${sizeText(sum("requested"))} was asked for, ${sizeText(sum("slack"))} (${percentText(sum("slack"), sum("held"))}) is slack in slots, and ` +
    `${sizeText(sum("free"))} (${percentText(sum("free"), sum("held"))}) is free slots.`;
  show("classes-legend", [["requested", "asked for (small blocks: estimated)"], ["slack", "slack: slots are larger than that"]].map(([name, text]) =>
    tag("span", null, boxMark(`mark ${name}`, {}), text)), tag("span", null, boxMark("mark free", {}), "free slots"));
  const shown = classesAll ? all : all.slice(0, CLASSES_SHOWN);
  const cells = ({row, parts}) => tag("tr", {"data-slot": row.slot_bytes === null ? "large" : row.slot_bytes},
    tag("td", {class: "number"}, row.slot_bytes === null ? "large" : sizeText(row.slot_bytes)),
    tag("td", {class: "number"}, countText(row.live_blocks)),
    tag("td", {class: "number narrow-off"}, countText(row.allocations)),
    tag("td", {class: "number"}, sizeText(parts.held)),
    tag("td", {class: "number narrow-off"}, percentText(parts.slack + parts.free, parts.held)),
    tag("td", {class: "wide-bar"}, classBar(parts, most)));
  show("classes-table", tag("div", {class: "scroll"}, tag("table", null,
    tag("thead", null, tag("tr", null, tag("th", {class: "number", scope: "col"}, "slot"), tag("th", {class: "number", scope: "col"}, "live blocks"),
      tag("th", {class: "number narrow-off", scope: "col"}, "allocations"), tag("th", {class: "number", scope: "col"}, "holds"),
      tag("th", {class: "number narrow-off", scope: "col"}, "not in use"), tag("th", {scope: "col"}, ""))),
    tag("tbody", null, shown.map(cells)))),
  all.length > CLASSES_SHOWN ? tag("p", {class: "more"}, tag("button", {type: "button", class: "link", click: () => {
    classesAll = !classesAll;
    redraw();
  }}, classesAll ? "Show fewer" : `Show all ${all.length} sizes`)) : null);
}
