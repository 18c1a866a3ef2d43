// All that is words and numbers: the head, the tiles, misuse, processes, settings and machine.
function headDraw() {
  const end = data.exit;
  const name = data.program.arguments[0] || data.program.path;
  at("program").textContent = name.split("/").pop() || name;
  document.title = `${at("program").textContent} · capalloc report`;
  const shown = data.program.arguments.length > 1 ? data.program.arguments.join(" ") : data.program.path;
  at("command").textContent = shown;
  at("command").hidden = shown === at("program").textContent;
  const how = end.signal !== null
    ? tag("span", {class: "bad"}, `ended by ${end.signal_name}${end.core_dumped ? ", core dumped" : ""}`)
    : end.status !== 0 ? tag("span", {class: "bad"}, `ended with status ${end.status}`) : "ended with status 0";
  at("ending").replaceChildren("Ran ", timeText(end.elapsed_ns), ", ", how, ". ",
    `Processor time ${timeText(end.user_ns + end.system_ns)}, at most ${sizeText(end.max_rss_bytes)} resident.`);
  const notices = [];
  const violations = data.tree ? data.tree.violations : 0;
  if (!data.use.used) notices.push(["bad", `It did not use capalloc: ${data.use.reason}.`]);
  if (violations > 0) notices.push(["bad", `${plural(violations, "violation")}: memory was given back wrongly. `, tag("a", {href: "#violations"}, "See below.")]);
  if (data.stats && !data.stats.final)
    notices.push(["", `The program ended past its exit handlers: its numbers are ${timeText(data.stats.age_ns)} older than its end.`]);
  show("notices", notices.map(([kind, ...text]) => tag("p", {class: `notice ${kind}`}, ...text)));
}

function tilesDraw(process) {
  const stats = process.detail && process.detail.stats;
  at("tiles").hidden = !stats;
  if (!stats) return;
  const tiles = [
    ["", sizeText(stats.live_bytes_peak), "live at most, as seen"],
    ["", sizeText(stats.committed_bytes_peak), "committed at most"],
    ["", sizeText(stats.live_bytes), `live at the end, in ${plural(stats.live_blocks, "block")}`],
    ["", countText(stats.allocations), `allocations; ${countText(stats.frees)} frees`],
    ["", sizeText(stats.returned_bytes), "given back to the system"],
    ["", countText(stats.threads_peak), stats.threads_peak === 1 ? "thread" : "threads at most"],
  ];
  if (stats.failed_requests > 0) tiles.push(["bad", countText(stats.failed_requests), "requests refused"]);
  if (stats.sweeps > 0) tiles.push(["", countText(stats.sweeps), `sweeps over ${sizeText(stats.sweep_bytes_scanned)}`]);
  if (process.violations > 0) tiles.push(["bad", countText(process.violations), process.violations === 1 ? "violation" : "violations"]);
  show("tiles", tiles.map(([kind, value, text]) => tag("div", {class: `tile ${kind}`}, tag("b", null, value), tag("span", null, text))));
}

// With --backtrace, of the last one of a process.
function callText(call) {
  const where = call.file !== null ? `${call.file}:${call.line}` : `${call.module}+${call.offset}`;
  return call.function !== null ? `${call.function}  ${where}${call.inlined ? ", inlined" : ""}` : where;
}

function callList(calls, title) {
  return calls.length === 0 ? [] : [title ? tag("p", null, title) : null,
    tag("ol", {class: "calls"}, calls.map((call) => tag("li", null, callText(call))))];
}

function violationItem(process, one) {
  const size = one.block_bytes !== null ? ` of ${one.block_bytes} bytes` : "";
  return tag("div", {class: "violation-item"},
    tag("b", null, one.code), ` in ${nameOf(process)}, after ${timeText(one.at_ns)}`,
    tag("code", null, `${one.function}(${one.address}): stated ${one.stated}, found ${one.found}${size}, place ${one.place}`),
    ...(one === process.violated[process.violated.length - 1] && process.violations === process.violated.length ? [
      ...callList(process.calls), ...callList(process.allocated, process.allocated_sampled ? "The block last sampled at this address was taken by" : "The block was taken by"),
      ...callList(process.freed, "and given back by")] : []));
}

function violationsDraw() {
  const items = processes.flatMap((process) => process.violated.map((one) => [process, one])).sort((a, b) => a[1].at_ns - b[1].at_ns);
  const all = data.tree ? data.tree.violations : 0;
  const more = all - items.length;
  show("violations-list", items.map(([process, one]) => violationItem(process, one)),
    all === 0 ? tag("p", {class: "lead"}, data.use.used ? "None was seen in this run."
      : "Nobody looked.") : null,
    more > 0 ? tag("p", {class: "lead"}, `and ${plural(more, "other")} of which the particulars were not kept.`) : null);
}

function processesDraw(chosen, choose) {
  at("processes").hidden = processes.length < 2;
  if (processes.length < 2) return;
  const row = ({process, depth}) => tag("tr", {"aria-current": String(process === chosen), "data-pid": process.pid},
    tag("td", null, "\u2003".repeat(Math.min(depth, 8)) + (depth > 0 ? "└ " : ""),
      tag("button", {type: "button", class: "link", click: () => choose(process)}, process.program)),
    tag("td", {class: "number narrow-off"}, String(process.pid)), tag("td", null, process.state),
    tag("td", {class: "number narrow-off"}, countText(process.allocations)), tag("td", {class: "number"}, sizeText(process.live_bytes_peak)),
    tag("td", {class: "number narrow-off"}, sizeText(process.committed_bytes_peak)),
    tag("td", {class: "number"}, process.violations > 0 ? tag("b", null, countText(process.violations)) : "0"));
  const head = [["", "program"], ["number narrow-off", "pid"], ["", "state"], ["number narrow-off", "allocations"], ["number", "live at most"],
    ["number narrow-off", "committed at most"], ["number", "misuse"]];
  show("processes-list", tag("div", {class: "scroll"}, tag("table", null,
    tag("thead", null, tag("tr", null, head.map(([kind, text]) => tag("th", {class: kind, scope: "col"}, text)))),
    tag("tbody", null, treeRows().map(row)))),
  processes.some((process) => process.state === "lost") ? tag("p", {class: "lead"}, "Lost: it ended past its exit handlers; the numbers are the last that it left.") : null,
  data.tree.without_numbers > 0 ? tag("p", {class: "lead"}, `and ${plural(data.tree.without_numbers, "process")} more without numbers.`) : null);
}

function list(title, pairs) {
  return tag("div", null, tag("h3", null, title),
    tag("dl", null, pairs.filter(([, value]) => value !== null && value !== undefined).flatMap(([name, value]) => [tag("dt", null, name), tag("dd", null, value)])));
}

// The unit is the last part of the name.
function setting(name, value) {
  const [, words, unit] = /^(.*?)(?:_(bytes|ms|percent))?$/.exec(name);
  if (name === "ignored") return ["not understood", value];
  if (typeof value === "boolean") value = value ? "on" : "off";
  else if (value === null) value = name === "limit_bytes" ? "none" : "off";
  else if (typeof value === "object") value = Object.keys(value).filter((check) => value[check]).join(", ") || "nothing";
  else value = unit === "bytes" ? sizeText(value) : `${countText(value)}${unit === "ms" ? " ms" : unit === "percent" ? " %" : ""}`;
  return [words.replaceAll("_", " "), value];
}

function aboutDraw() {
  const settings = data.settings;
  const machine = data.machine;
  show("about-list",
    settings ? list("Settings", Object.entries(settings).map(([name, value]) => setting(name, value))) : null,
    list("Machine", [["system", `${machine.system} ${machine.release}`], ["architecture", machine.architecture], ["processor", machine.processor],
      ["processors", countText(machine.processors)], ["memory", sizeText(machine.memory_bytes)], ["pages of", sizeText(machine.page_bytes)]]),
    list("Program", [["file", data.program.path], ["library", data.use.library], ["capalloc", data.capalloc]]));
  at("foot").textContent = `Made by capalloc ${data.capalloc}. Everything is in this file; nothing is loaded and nothing is sent.`;
}
