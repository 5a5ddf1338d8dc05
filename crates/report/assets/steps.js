// Connections over time: open, idle, waiting, necessary. Owns their counting, from the report alone.
//
// open       connections between the end of their handshake and their own end
// idle       of these, the ones no exchange is under way on
// waiting    exchanges that have asked and have no connection yet, whether queueing or dialling
// necessary  what a perfect pool would have opened by then: for each origin the most connections in use at once so far
//            (for HTTP/1.1 that is the most exchanges under way), plus the openings so far that the server forced by a
//            rule of its own; summed over the origins

// Sums of +1 and −1 over time, from two sorted lists of moments.
function levels(ups, downs) {
  ups.sort();
  downs.sort();
  const times = new Float64Array(ups.length + downs.length + 1);
  const values = new Int32Array(times.length);
  let n = 1, level = 0, u = 0, d = 0;
  while (u < ups.length || d < downs.length) {
    const now = Math.min(u < ups.length ? ups[u] : Infinity, d < downs.length ? downs[d] : Infinity);
    // An end and a beginning at the same moment: the connection was free for the next, so the end counts first.
    while (d < downs.length && downs[d] === now) { level -= 1; d += 1; }
    while (u < ups.length && ups[u] === now) { level += 1; u += 1; }
    if (times[n - 1] !== now || n === 1) n += 1;
    times[n - 1] = now;
    values[n - 1] = level;
  }
  return { times: times.subarray(0, n), values: values.subarray(0, n) };
}

function difference(a, b) {
  const times = new Float64Array(a.times.length + b.times.length);
  const values = new Int32Array(times.length);
  let i = 0, j = 0, n = 0;
  while (i < a.times.length || j < b.times.length) {
    const now = Math.min(a.times[i] ?? Infinity, b.times[j] ?? Infinity);
    while (i < a.times.length && a.times[i] === now) i += 1;
    while (j < b.times.length && b.times[j] === now) j += 1;
    times[n] = now;
    values[n] = Math.max(a.values[Math.max(i - 1, 0)] - b.values[Math.max(j - 1, 0)], 0);
    n += 1;
  }
  return { times: times.subarray(0, n), values: values.subarray(0, n) };
}

const moments = (list) => Float64Array.from(list);

// The moments between which at least one exchange is under way on connection c.
function inUse(c, ups, downs) {
  let until = NONE;
  for (let i = served.first[c]; i < served.first[c + 1]; i += 1) {
    const e = served.items[i];
    const from = exchFrom(e);
    if (until === NONE || from > until) {
      if (until !== NONE) downs.push(until);
      ups.push(from);
      until = exchUntil(e);
    } else until = Math.max(until, exchUntil(e));
  }
  if (until !== NONE) downs.push(until);
}

// The moments at which more connections were in use than ever before, once for each one more.
function records(busy, into) {
  let most = 0;
  for (let i = 0; i < busy.values.length; i += 1) {
    for (; most < busy.values[i]; most += 1) into.push(busy.times[i]);
  }
}

function stepsOf(origins) {
  const opened = [], ended = [], used = [], freed = [], needed = [];
  for (const origin of origins) {
    const ups = [], downs = [];
    for (const c of byOrigin[origin]) {
      opened.push(conns.opened[c]);
      if (conns.end[c] >= 0) ended.push(Math.max(conns.end[c], conns.opened[c]));
      inUse(c, ups, downs);
      if (necessityOf(c) === "forced") needed.push(conns.opened[c]);
    }
    records(levels(moments(ups), moments(downs)), needed);
    for (const time of ups) used.push(time);
    for (const time of downs) freed.push(time);
  }
  const open = levels(moments(opened), moments(ended));
  return {
    open,
    idle: difference(open, levels(moments(used), moments(freed))),
    waiting: waitingFor(new Set(origins)),
    necessary: levels(moments(needed), moments([])),
  };
}

function waitingFor(origins) {
  const asked = [], taken = [];
  for (let e = 0; e < exchs.count; e += 1) {
    const until = exchs.taken[e] < 0 ? exchUntil(e) : exchs.taken[e];
    if (until <= exchs.asked[e] || !origins.has(exchs.origin[e])) continue;
    asked.push(exchs.asked[e]);
    taken.push(until);
  }
  return levels(moments(asked), moments(taken));
}

const SERIES = ["open", "idle", "waiting", "necessary"];
const stepsKnown = new Map();

// The steps of the origin that is filtered for, or of all together.
function steps() {
  const chosen = report.origins.findIndex((origin) => origin.name === view.filter.origin);
  if (!stepsKnown.has(chosen)) {
    stepsKnown.set(chosen, stepsOf(chosen === NONE ? [...report.origins.keys()] : [chosen]));
  }
  return stepsKnown.get(chosen);
}

// The value that holds at a moment, by halving.
function valueAt(series, time) {
  return series.values[indexAt(series.times, time)];
}

function indexAt(times, time) {
  let low = 0, high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time) low = middle; else high = middle - 1;
  }
  return low;
}
