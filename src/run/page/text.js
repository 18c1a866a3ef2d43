// Numbers as people read them, and elements. Whatever was named by strangers becomes text, never markup.
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return "not known";
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : threeDigits(bytes)} ${UNITS[unit]}`;
}

function threeDigits(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function timeText(ns) {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${threeDigits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${threeDigits(ns / 1e6)} ms`;
  if (ns < 120e9) return `${threeDigits(ns / 1e9)} s`;
  const minutes = Math.floor(ns / 60e9);
  if (minutes < 120) return `${minutes} min ${Math.round(ns / 1e9 - minutes * 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function countText(count) {
  return count === null || count === undefined ? "not known" : count.toLocaleString("en-US");
}

function plural(count, noun) {
  return `${countText(count)} ${noun}${count === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;
}

function percentText(part, whole) {
  return whole > 0 ? `${(100 * part / whole).toFixed(part === whole || part === 0 ? 0 : 1)} %` : "0 %";
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {}))
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function tag(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function at(id) {
  return document.getElementById(id);
}

function show(id, ...children) {
  at(id).replaceChildren(...children.flat().filter((child) => child !== null));
}
