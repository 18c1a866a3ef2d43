// What was measured: the object of `capalloc run --stats=json` (fields: `capalloc help json`), and what follows from it.
const data = JSON.parse(at("data").textContent);
const processes = data.tree ? data.tree.processes : [];

function nameOf(process) {
  return `${process.program} (pid ${process.pid})`;
}

// When the program began to run under this number, and the last moment of which something is known.
function spanOf(process) {
  const history = process.detail && process.detail.history;
  if (!history || history.at_ns.length === 0) return [0, process.numbers_at_ns || 0];
  const begin = history.programs.length > 0 ? history.programs[0].at_ns : history.at_ns[0];
  return [Math.min(begin, history.at_ns[0], history.numbers_at_ns[0]), history.at_ns[history.at_ns.length - 1]];
}

// When this column was as it says: the resident size at the look, the rest when the process counted.
function timesOf(history, column) {
  return column === "resident_bytes" ? history.at_ns : history.numbers_at_ns;
}

// How much a column grew in a second, between two counts; it stays until there is another count.
function rateOf(history, column) {
  let rate = 0;
  return growth(history, column).map((grown, i) => {
    const ns = history.numbers_at_ns[i] - (i > 0 ? history.numbers_at_ns[i - 1] : 0);
    if (ns > 0) rate = grown / Math.max(1e-3, ns / 1e9);
    return rate;
  });
}

// By how much a column grew since the sample before. A program that replaced another begins at nothing again.
function growth(history, column) {
  return history[column].map((value, i) => Math.max(0, value - (i > 0 && value >= history[column][i - 1] ? history[column][i - 1] : 0)));
}

function eventsOf(process) {
  const history = process.detail && process.detail.history;
  const events = process.violated.map((one) => ({kind: "violation", at: one.at_ns, text: `${one.code}: ${one.function}`}));
  for (const child of processes)
    if (child.parent === process.pid && child !== process)
      events.push({kind: "fork", at: spanOf(child)[0], text: `started ${nameOf(child)}`});
  if (history) {
    for (const program of history.programs.slice(1))
      events.push({kind: "exec", at: program.at_ns, text: `became ${program.program}`});
    growth(history, "sweeps").forEach((count, i) => {
      if (count > 0) events.push({kind: "sweep", at: history.at_ns[i], text: plural(count, "sweep")});
    });
  }
  return events.sort((a, b) => a.at - b.at);
}

// The rows as a tree, parents before children.
function treeRows() {
  const known = new Set(processes.map((process) => process.pid));
  const rows = [];
  const seen = new Set();
  function add(process, depth) {
    if (seen.has(process)) return;
    seen.add(process);
    rows.push({process, depth});
    for (const child of processes) if (child.parent === process.pid) add(child, depth + 1);
  }
  for (const process of processes) if (!known.has(process.parent)) add(process, 0);
  for (const process of processes) add(process, 0);
  return rows;
}
