// What is looked at: the window of time, filter, selection, and the lanes that follow from them. Draws nothing.

const NONE = -1;
const view = {
  from: 0, to: 1,           // the window, in microseconds
  selected: NONE,           // connection
  exchange: NONE,           // exchange that is shown within it
  hovered: null,            // what is under the pointer
  cursor: NONE,             // time under the pointer
  finding: NONE,            // finding whose lanes are marked
  filter: { origin: "", end: "", cause: "", find: "" },
  closed: new Set(),        // origins whose lanes are folded away
  unfolded: new Set(),      // runs that are not drawn as one lane
};

const LANE = 24, STACKED = 9, ORIGIN = 50, RUN = 30, MARGIN = 3;
const RUN_LEAST = 12;       // shorter runs are easier to read lane by lane
const OPEN_END = "open";    // the filter's word for connections that have not ended

const STILL_OPEN = "still open";
const concerned = report.findings.map((finding) => new Set(finding.connections));
const causeOf = (c) => text[conns.cause[c]] ?? "";
const reasonOf = (c) => (conns.end[c] < 0 ? OPEN_END : text[conns.reason[c]] ?? "");
const necessityOf = (c) => text[conns.necessity[c]];
// Opened before the report begins: nothing is known of its opening.
const isOlder = (c) => conns.older[c] === 1;
const isAvoidable = (c) => necessityOf(c) === "avoidable";
const hasTls = (c) => conns.tls[c] >= 0;

// A connection's name: its number, and its client or source where there are several.
const manyClients = report.sources.some((source) => source.clients > 1);
const manySources = report.sources.length > 1;
function nameOf(c) {
  const client = manyClients ? ` c${conns.client[c]}` : "";
  const source = manySources ? ` s${conns.source[c] + 1}` : "";
  return `#${conns.number[c]}${client}${source}`;
}

// ---- filter

// For each exchange, whether the words of the search are in it; null when nothing is searched.
let hits = null;

function findWords() {
  return view.filter.find.toLowerCase().split(/\s+/).filter(Boolean);
}

function search() {
  const words = findWords().filter((word) => !word.startsWith("#"));
  if (words.length === 0) { hits = null; return; }
  hits = new Uint8Array(exchs.count).fill(1);
  for (const word of words) {
    const inText = text.map((it) => it.toLowerCase().includes(word));
    const outcome = "failed".startsWith(word) && word.length > 3 ? FAILED : NONE;
    for (let e = 0; e < exchs.count; e += 1) {
      const found = inText[exchs.target[e]] || inText[exchs.method[e]]
        || String(exchs.status[e]) === word || exchs.outcome[e] === outcome;
      if (!found) hits[e] = 0;
    }
  }
}

function passes(c) {
  const { origin, end, cause } = view.filter;
  if (origin && report.origins[conns.origin[c]].name !== origin) return false;
  if (end && reasonOf(c) !== end) return false;
  if (cause && causeOf(c) !== cause
    && !report.findings.some((it, f) => it.cause === cause && concerned[f].has(c))) return false;
  for (const word of findWords()) {
    if (word.startsWith("#") && `#${conns.number[c]}` !== word) return false;
  }
  if (hits === null) return true;
  for (let i = served.first[c]; i < served.first[c + 1]; i += 1) if (hits[served.items[i]]) return true;
  return false;
}

function passesLost(e) {
  const { origin, end, cause } = view.filter;
  if (end || cause || findWords().some((word) => word.startsWith("#"))) return false;
  if (origin && report.origins[exchs.origin[e]].name !== origin) return false;
  return hits === null || hits[e] === 1;
}

// ---- lanes

const byOrigin = report.origins.map(() => []);
for (let c = 0; c < conns.count; c += 1) byOrigin[conns.origin[c]]?.push(c);

let lanes = [];             // from top to bottom
let lanesHeight = 0;
let shown = 0;              // connections that pass the filter
let shownList = [];
const laneOf = new Int32Array(conns.count);

const isSingle = (c) => !isOlder(c) && servedCount(c) <= 1 && conns.end[c] >= 0;
const heightOf = (c) => (stack.rows[c] > 1 ? 8 + stack.rows[c] * STACKED : LANE);

function add(lane) {
  lane.top = lanesHeight;
  lanesHeight += lane.height;
  lanes.push(lane);
}

// Single-request connections in a row with the same cause: one lane.
function runEnd(members, from) {
  if (!isSingle(members[from])) return from + 1;
  const cause = conns.cause[members[from]];
  let to = from + 1;
  while (to < members.length && isSingle(members[to]) && conns.cause[members[to]] === cause) to += 1;
  return to - from >= RUN_LEAST ? to : from + 1;
}

function addConnection(c, run) {
  laneOf[c] = lanes.length;
  add({ kind: "connection", connection: c, run, height: heightOf(c) });
}

function addMembers(members) {
  for (let i = 0; i < members.length;) {
    const to = runEnd(members, i);
    const key = members[i];
    if (to - i === 1) addConnection(key, NONE);
    else if (view.unfolded.has(key)) {
      add({ kind: "run", key, open: true, members: members.slice(i, to), height: RUN });
      for (let j = i; j < to; j += 1) addConnection(members[j], key);
    } else {
      const run = members.slice(i, to);
      for (const c of run) laneOf[c] = lanes.length;
      add({ kind: "run", key, open: false, members: run, height: RUN, rows: packed(run) });
    }
    i = to;
  }
}

// Rows for the members of a folded run: connections that were open at once do not cover each other, up to three.
function packed(run) {
  const free = [0, 0, 0];
  return run.map((c) => {
    const row = Math.max(free.findIndex((until) => until <= conns.dialed[c]), 0);
    free[row] = Math.max(free[row], connUntil(c));
    return row;
  });
}

function buildLanes() {
  lanes = [];
  lanesHeight = 0;
  shown = 0;
  shownList = [];
  laneOf.fill(NONE);
  report.origins.forEach((_, origin) => {
    const members = byOrigin[origin].filter(passes);
    const without = lost[origin].filter(passesLost);
    if (members.length + without.length === 0) return;
    shown += members.length;
    for (const c of members) shownList.push(c);
    const open = !view.closed.has(origin);
    add({ kind: "origin", origin, open, count: members.length, height: ORIGIN });
    if (!open) return;
    if (without.length > 0) add({ kind: "lost", origin, exchanges: without, height: LANE });
    addMembers(members);
  });
}

// The lane at a height, by halving.
function laneAt(y) {
  let low = 0, high = lanes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lanes[middle].top <= y) low = middle; else high = middle - 1;
  }
  const lane = lanes[low];
  return lane && y >= lane.top && y < lane.top + lane.height ? low : NONE;
}

// Whether anything is emphasised, and whether this connection is.
const marking = () => view.finding !== NONE;
const isMarked = (c) => marking() && concerned[view.finding].has(c);
