// What the addresses of each place are used for. A cell is a stretch of a zone, seen at its first unit.
const KINDS = ["other", "slab", "large", "dirty", "fresh", "bare"];
const KIND_TEXTS = {
  slab: "slab: slots of one size; the stronger, the fuller", large: "one large block", dirty: "free, not given back yet",
  fresh: "mapped, never used", bare: "given back", other: "somebody else's",
};
const CELLS = 256, COLUMNS = 32;
let mapMoment = "peak";
let zoomed = null;

function cellsOf(zone) {
  return zone.cells.flatMap(([count, kind, slot, full]) => Array(count).fill({kind: KINDS[kind], slot, full}));
}

function look(cell) {
  if (cell.kind === "dirty") return {fill: "url(#hatch)"};
  return cell.kind === "slab" ? {"fill-opacity": (.22 + .78 * cell.full / 100).toFixed(2)} : {};
}

// Offsets from the first address of the zone.
function cellRows(zone, index, cell) {
  const bytes = zone.units * zone.unit_bytes / CELLS;
  const rows = [["kind", cell.kind], ["from", sizeText(index * bytes)], ["length", sizeText(bytes)]];
  if (cell.kind === "slab") rows.push(["slots of", sizeText(cell.slot)], ["handed out", `${cell.full} %`]);
  return rows;
}

function zoneName(zone) {
  return `${zone.place}, ${zone.blocks === "small" ? "blocks up to 1 KiB" : "larger blocks"}`;
}

function zoneKinds(zone) {
  return KINDS.filter((kind) => zone.kinds[kind] > 0).map((kind) => `${kind} ${sizeText(zone.kinds[kind] * zone.unit_bytes)}`).join(" · ");
}

function cellTips(drawing, zone, cells, indexOf) {
  return fill(drawing, {
    pointermove: (event) => {
      const index = indexOf(...pointIn(drawing, event));
      if (cells[index]) tipShow(event.clientX, event.clientY, zoneName(zone), cellRows(zone, index, cells[index]));
    },
    pointerleave: tipHide,
  }, []);
}

function strip(zone, open) {
  const cells = cellsOf(zone);
  let from = 0;
  const wide = Math.max(256, at("map-zones").clientWidth) / CELLS; // as it is on the screen, so that lines keep their slant
  const runs = zone.cells.map(([count, kind, slot, full]) => {
    const run = svg("rect", {class: `cell ${KINDS[kind]}`, x: from * wide, y: 0, width: count * wide, height: 30, ...look({kind: KINDS[kind], slot, full})});
    from += count;
    return run;
  });
  const drawing = svg("svg", {viewBox: `0 0 ${CELLS * wide} 30`, preserveAspectRatio: "none", role: "button", tabindex: 0, click: open,
    "aria-label": `${zoneName(zone)}: ${zoneKinds(zone)}. Enter enlarges it.`,
    keydown: (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open();
      }
    }}, runs);
  return cellTips(drawing, zone, cells, (x) => Math.min(CELLS - 1, Math.floor(x / wide)));
}

function zoom(zone, close) {
  const cells = cellsOf(zone);
  const size = 30;
  const columns = innerWidth < 640 ? COLUMNS / 2 : COLUMNS;
  const ring = svg("rect", {class: "chosen-cell", width: size - 2, height: size - 2, visibility: "hidden"});
  let chosen = 0;
  const parts = cells.map((cell, i) => {
    const x = i % columns * size, y = Math.floor(i / columns) * size;
    const label = cell.kind === "slab" ? cell.slot >= 1024 ? `${Math.round(cell.slot / 102.4) / 10}K` : String(cell.slot) : null;
    return [svg("rect", {class: `cell ${cell.kind}`, x, y, width: size - 2, height: size - 2, ...look(cell)}),
      label !== null ? svg("text", {class: `cell-size${cell.full >= 50 ? " on-full" : ""}`, x: x + size / 2 - 1, y: y + size / 2 + 3}, label) : null];
  });
  const drawing = svg("svg", {viewBox: `0 0 ${columns * size} ${CELLS / columns * size}`, role: "img", tabindex: 0,
    "aria-label": `${zoneName(zone)}, enlarged. Arrow keys move through it.`, blur: () => {
      ring.setAttribute("visibility", "hidden");
      tipHide();
    },
    keydown: (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns}[event.key];
      if (event.key === "Escape") close();
      if (step === undefined) return;
      event.preventDefault();
      chosen = Math.max(0, Math.min(CELLS - 1, chosen + step));
      const x = chosen % columns * size, y = Math.floor(chosen / columns) * size;
      fill(ring, {x, y, visibility: "visible"}, []);
      const box = drawing.getBoundingClientRect();
      tipShow(box.left + (x + size) / (columns * size) * box.width, box.top + (y + size) / (CELLS / columns * size) * box.height,
        zoneName(zone), cellRows(zone, chosen, cells[chosen]));
    }}, parts.flat(), ring);
  cellTips(drawing, zone, cells, (x, y) => Math.floor(y / size) * columns + Math.floor(x / size));
  return tag("div", {class: "zoom"}, tag("div", {class: "card-head"},
    tag("h3", null, `${zoneName(zone)}, from its first address to the highest ever used`),
    tag("button", {type: "button", class: "link", click: close}, "Close")),
  tag("p", {class: "lead"}, `A square is ${sizeText(zone.units * zone.unit_bytes / CELLS)}; a number in it is the size of the slots.`), drawing);
}

function mapDraw(process) {
  const detail = process.detail;
  const redraw = () => mapDraw(process);
  const zones = !detail ? [] : (mapMoment === "peak" && detail.peak_map) || detail.map;
  at("map").hidden = zones.length === 0;
  choice("map-when", [["peak", "At the peak"], ["end", "At the end"]], mapMoment, (moment) => {
    mapMoment = moment;
    redraw();
    classesDraw(process);
  });
  if (zones.length === 0) return;
  at("map-lead").textContent = mapMoment === "peak" && detail.peak_map
    ? `When live memory was most, after ${timeText(detail.peak_at_ns - spanOf(process)[0])}. Choose a strip to enlarge it.`
    : "As it was left. Choose a strip to enlarge it.";
  const kinds = KINDS.filter((kind) => zones.some((zone) => zone.kinds[kind] > 0));
  show("map-legend", kinds.map((kind) => tag("span", {title: KIND_TEXTS[kind]},
    boxMark(`mark ${kind}`, kind === "dirty" ? {fill: "url(#hatch)"} : {}), KIND_TEXTS[kind])));
  show("map-zones", zones.map((zone) => tag("div", {class: "zone", "data-zone": zoneName(zone)},
    tag("div", {class: "zone-head"}, tag("h3", null, zoneName(zone)), tag("span", null, sizeText(zone.units * zone.unit_bytes)),
      tag("span", {class: "quiet"}, zoneKinds(zone))),
    strip(zone, () => {
      zoomed = zoneName(zone);
      redraw();
      at("map-zoom").querySelector("svg").focus();
    }))));
  const open = zones.find((zone) => zoneName(zone) === zoomed);
  show("map-zoom", open ? [zoom(open, () => {
    zoomed = null;
    tipHide();
    redraw();
  })] : []);
}
