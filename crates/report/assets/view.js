// Moving about: zoom, pan, scroll, selection. Each change asks for one frame.

const $ = (id) => document.getElementById(id);
const scroller = $("scroller"), tall = $("tall"), lanesCanvas = $("lanes");
const REACH = 1.02;         // how far past the end one may look, so that end glyphs are seen
const LEAST_WINDOW = 20;    // microseconds

let asked = false;
let frames = 0;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(draw);
}

function draw() {
  asked = false;
  frames += 1;
  geo.scroll = scroller.scrollTop;
  drawAxis($("axis"));
  drawLanes(lanesCanvas);
  drawPlot($("plot"));
}

// Fits the canvases to the room there is.
function layout() {
  ratio = window.devicePixelRatio || 1;
  const room = $("stage").clientWidth;
  geo.gutter = room < 560 ? 76 : 132;
  geo.right = room < 560 ? 14 : 22;
  tall.style.height = `${lanesHeight}px`;
  scroller.style.setProperty("--lanes", `${Math.max(lanesHeight, 120)}px`);
  geo.width = scroller.clientWidth;
  geo.height = scroller.clientHeight;
  for (const [canvas, height] of [[$("axis"), AXIS], [lanesCanvas, geo.height], [$("plot"), PLOT]]) {
    canvas.style.width = `${geo.width}px`;
    canvas.style.height = `${height}px`;
  }
  readPalette();
  redraw();
}

function relane() {
  buildLanes();
  layout();
}

function setWindow(from, to) {
  const reach = report.length * REACH;
  const width = Math.min(Math.max(to - from, Math.min(LEAST_WINDOW, reach)), reach);
  const begin = Math.min(Math.max(from, 0), reach - width);
  view.from = begin;
  view.to = begin + width;
  redraw();
  rememberSoon();
}

const fit = () => setWindow(0, report.length * REACH);
const pan = (part) => setWindow(view.from + (view.to - view.from) * part, view.to + (view.to - view.from) * part);
function zoom(factor, around = (view.from + view.to) / 2) {
  const width = Math.min(Math.max((view.to - view.from) * factor, LEAST_WINDOW), report.length * REACH);
  const part = (around - view.from) / (view.to - view.from);
  setWindow(around - width * part, around + width * (1 - part));
}

// ---- selection

// Brings a lane into sight, opening what it is folded into.
function reveal(c) {
  let hidden = laneOf[c] === NONE;
  if (hidden && view.closed.delete(conns.origin[c])) relane();
  hidden = laneOf[c] === NONE;
  if (hidden) { clearFilter(); hidden = false; }
  const lane = lanes[laneOf[c]];
  if (lane && lane.kind === "run") { view.unfolded.add(lane.key); relane(); }
  scrollTo(laneOf[c]);
}

function scrollTo(index) {
  const lane = lanes[index];
  if (!lane) return;
  const head = 26;
  if (lane.top < scroller.scrollTop + head) scroller.scrollTop = lane.top - head;
  else if (lane.top + lane.height > scroller.scrollTop + geo.height) {
    scroller.scrollTop = lane.top + lane.height - geo.height + 8;
  }
}

// Moves the window so that a stretch of time can be seen, without changing its width unless it must.
function bringIntoWindow(from, to) {
  if (from >= view.from && to <= view.to) return;
  const width = Math.max(view.to - view.from, (to - from) * 1.2);
  const middle = (from + to) / 2;
  setWindow(middle - width / 2, middle + width / 2);
}

function select(c, options = {}) {
  view.selected = c;
  view.exchange = options.exchange ?? NONE;
  if (c !== NONE) {
    if (options.reveal !== false) reveal(c);
    if (options.travel) bringIntoWindow(conns.dialed[c], Math.min(connUntil(c), report.length));
    announce(`${nameOf(c)}: ${lifeInWords(c)}`);
  }
  if (options.open) openPanel(c);
  else if (!$("panel").hidden) { if (c === NONE) closePanel(); else fillPanel(c); }
  redraw();
  rememberSoon();
}

// The lane above or below the selected one.
function selectNext(step) {
  const kinds = (lane) => lane.kind === "connection" || (lane.kind === "run" && !lane.open);
  let i = view.selected === NONE ? (step > 0 ? -1 : lanes.length) : laneOf[view.selected];
  do i += step; while (lanes[i] && !kinds(lanes[i]));
  if (!lanes[i]) return;
  const lane = lanes[i];
  select(lane.kind === "run" ? lane.members[0] : lane.connection, { reveal: false });
  scrollTo(i);
}

// The exchange before or after the one that is shown, on the selected lane.
function stepExchange(step) {
  const c = view.selected;
  if (c === NONE || servedCount(c) === 0) return;
  const list = served.items.subarray(served.first[c], served.first[c + 1]);
  const now = list.indexOf(view.exchange);
  const e = list[now === -1 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(now + step, 0), list.length - 1)];
  view.exchange = e;
  bringIntoWindow(exchs.asked[e], exchUntil(e));
  announce(exchangeInWords(e));
  redraw();
  requestAnimationFrame(() => showTipAt(e));
}

function toggle(lane) {
  if (lane.kind === "origin") {
    if (!view.closed.delete(lane.origin)) view.closed.add(lane.origin);
  } else if (lane.kind === "run") {
    if (!view.unfolded.delete(lane.key)) view.unfolded.add(lane.key);
  }
  relane();
}

function announce(words) {
  $("live").textContent = words;
}
