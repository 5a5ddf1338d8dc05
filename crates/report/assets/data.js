// The data: columns as typed arrays. Owns the decoding of what page/data.rs writes; knows nothing of drawing.

const started = performance.now();
const raw = JSON.parse(document.getElementById("data").textContent);
const text = raw.strings;

function column(values, count, Kind) {
  const out = new Kind(count);
  if (typeof values === "number") out.fill(values);
  else out.set(values);
  return out;
}

function columns(source, count, exact) {
  const out = { count };
  for (const name of Object.keys(source)) {
    out[name] = column(source[name], count, exact.includes(name) ? Float64Array : Int32Array);
  }
  return out;
}

const report = {
  headline: raw.headline,
  began: raw.began,
  length: Math.max(raw.length, 1),
  dropped: raw.dropped,
  cutShort: raw.cut_short,
  sources: raw.sources,
  origins: raw.origins,
  findings: raw.findings,
};

// Times become microseconds after the beginning; −1 stays "none".
const conns = columns(raw.connections, raw.connection_count,
  ["number", "client", "dialed", "opened", "dns", "connect", "tls", "end"]);
const exchs = columns(raw.exchanges, raw.exchange_count,
  ["call", "client", "nth", "asked", "taken", "sent", "head", "ended", "idle", "sentBytes", "receivedBytes"]);
raw.connections = raw.exchanges = null;

const ANSWERED = 0, FAILED = 1, RUNNING = 2;
const DURING = ["an exchange", "idle", "unused"];

for (let c = 0; c < conns.count; c += 1) {
  conns.opened[c] += conns.dialed[c];
  if (conns.end[c] >= 0) conns.end[c] += conns.dialed[c];
}
for (let e = 1; e < exchs.count; e += 1) exchs.asked[e] += exchs.asked[e - 1];
for (const phase of [exchs.taken, exchs.sent, exchs.head, exchs.ended]) {
  for (let e = 0; e < exchs.count; e += 1) if (phase[e] >= 0) phase[e] += exchs.asked[e];
}

const connUntil = (c) => (conns.end[c] < 0 ? report.length : conns.end[c]);
const exchUntil = (e) => (exchs.ended[e] < 0 ? report.length : exchs.ended[e]);
const exchFrom = (e) => (exchs.taken[e] < 0 ? exchs.asked[e] : exchs.taken[e]);

// Exchanges of connection c: items[first[c]] … items[first[c + 1] − 1], in the order of their start.
const served = (() => {
  const first = new Int32Array(conns.count + 1);
  for (let e = 0; e < exchs.count; e += 1) if (exchs.connection[e] >= 0) first[exchs.connection[e] + 1] += 1;
  for (let c = 0; c < conns.count; c += 1) first[c + 1] += first[c];
  const items = new Int32Array(first[conns.count]);
  const next = first.slice();
  for (let e = 0; e < exchs.count; e += 1) {
    const c = exchs.connection[e];
    if (c >= 0) { items[next[c]] = e; next[c] += 1; }
  }
  // The order on the lane is that of taking, not of asking.
  for (let c = 0; c < conns.count; c += 1) {
    for (let i = first[c] + 1; i < first[c + 1]; i += 1) {
      if (exchFrom(items[i]) < exchFrom(items[i - 1])) {
        items.subarray(first[c], first[c + 1]).sort((a, b) => exchFrom(a) - exchFrom(b) || a - b);
        break;
      }
    }
  }
  return { first, items };
})();
const servedCount = (c) => served.first[c + 1] - served.first[c];

// Exchanges that overlap on one connection (HTTP/2) are stacked: the row of each, and how many rows there are.
const MOST_ROWS = 12;
const stack = (() => {
  const row = new Uint8Array(exchs.count);
  const rows = new Uint8Array(conns.count).fill(1);
  const free = new Float64Array(MOST_ROWS);
  for (let c = 0; c < conns.count; c += 1) {
    let used = 0;
    for (let i = served.first[c]; i < served.first[c + 1]; i += 1) {
      const e = served.items[i];
      const from = exchFrom(e);
      let r = 0;
      while (r < used && free[r] > from && r < MOST_ROWS - 1) r += 1;
      if (r === used) { used += 1; free[r] = 0; }
      free[r] = Math.max(free[r], exchUntil(e));
      row[e] = r;
    }
    rows[c] = Math.max(used, 1);
  }
  return { row, rows };
})();

// Which exchange repeats which: the next one of the same call.
const retries = (() => {
  const links = [];
  const calls = new Set();
  for (let e = 0; e < exchs.count; e += 1) if (exchs.again[e]) calls.add(exchs.call[e]);
  if (calls.size === 0) return { links, next: new Map(), before: new Map() };
  const later = new Map();
  for (let e = exchs.count - 1; e >= 0; e -= 1) {
    if (!calls.has(exchs.call[e])) continue;
    const key = `${exchs.source[e]} ${exchs.client[e]} ${exchs.call[e]}`;
    if (exchs.again[e] && later.has(key)) links.push([e, later.get(key)]);
    later.set(key, e);
  }
  return { links, next: new Map(links), before: new Map(links.map(([from, to]) => [to, from])) };
})();

// Exchanges that got no connection, by origin.
const lost = report.origins.map(() => []);
for (let e = 0; e < exchs.count; e += 1) {
  if (exchs.connection[e] < 0 && lost[exchs.origin[e]]) lost[exchs.origin[e]].push(e);
}
