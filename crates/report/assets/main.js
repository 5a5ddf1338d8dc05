// Puts everything in its place, and starts.

function fillHead() {
  const sum = (name) => report.origins.reduce((total, origin) => total + origin[name], 0);
  const exchanges = sum("exchanges"), opened = sum("opened"), avoidable = sum("avoidable");
  const numbers = [
    ["requests", grouped(exchanges)],
    ["connections", grouped(opened)],
    ["necessary", grouped(opened - avoidable)],
    ["avoidable", grouped(avoidable), avoidable > 0 ? "bad" : ""],
    ["reuse", percent(exchanges > 0 ? sum("reused") / exchanges : null)],
    ["handshakes wasted", duration(sum("wasted_us"))],
  ];
  if (sum("failed") > 0) numbers.push(["failed", grouped(sum("failed")), "bad"]);
  if (sum("retries") > 0) numbers.push(["sent again", grouped(sum("retries"))]);
  for (const [name, value, kind] of numbers) {
    $("numbers").append(make("div", { class: kind ?? "" }, make("dt", {}, name), make("dd", {}, value)));
  }
  const names = report.sources.map((source) => source.name).filter(Boolean).join(", ");
  $("span").textContent = `${day(0)} ${wall(0, 1e6)} UTC · ${duration(report.length)}${names ? ` · ${names}` : ""}`;
  const cautions = [];
  if (report.dropped > 0) cautions.push(`${counted(report.dropped, "event")} did not fit in memory: what they told is missing.`);
  if (report.cutShort) cautions.push("The events end while requests are under way.");
  $("caution").textContent = cautions.join(" ");
  $("caution").hidden = cautions.length === 0;
}

// ---- the legend: each entry drawn by the same code as the lanes

const LEGEND = [
  ["handshake: name, address, TLS", (c) => steps3(c, colour.dial)],
  ["avoidable handshake", (c) => {
    steps3(c, colour.avoid);
    c.fillStyle = hatch;
    c.fillRect(16, 4, 16, 12);
    drawWarning(c, 7, 10);
  }],
  ["send", (c) => bar(c, colour.send, 1)],
  ["wait for the answer", (c) => bar(c, colour.wait, 0.76)],
  ["receive", (c) => bar(c, colour.receive, 1)],
  ["too short for its parts", (c) => {
    c.fillStyle = colour.send;
    [0.5, 0.9, 0.6, 0.75].forEach((alpha, i) => {
      c.globalAlpha = alpha;
      c.fillRect(10 + i * 4, 4, 2, 12);
    });
    c.globalAlpha = 1;
  }],
  ["idle", (c) => { c.fillStyle = colour.idle; c.fillRect(2, 9.25, 30, 1.5); }],
  ["in the queue, or no connection", (c) => { c.fillStyle = colour.queue; c.fillRect(2, 5, 30, 2.5); }],
  ["failed", (c) => drawCross(c, 17, 10, 4)],
  ["sent again", drawArrow],
  ...Object.entries(CLOSERS).map(([by, closer]) => [closer.name, (c) => {
    c.fillStyle = colour.ink;
    c.fillRect(10, 4, 1.2, 12);
    drawCloser(c, by, 18, 10, 3.4);
  }]),
  [STILL_OPEN, (c) => { c.strokeStyle = colour.muted; c.lineWidth = 1.5; drawOpenEnd(c, 14, 10); }],
];

function bar(c, fill, part) {
  c.fillStyle = fill;
  c.fillRect(4, 10 - 6 * part, 26, 12 * part);
}

function steps3(c, fill) {
  c.fillStyle = fill;
  [0.45, 0.72, 1].forEach((part, i) => c.fillRect(16 + i * 5.5, 16 - 12 * part, 4.8, 12 * part));
}

function drawArrow(c) {
  c.strokeStyle = c.fillStyle = colour.ink;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(4, 5);
  c.bezierCurveTo(20, 5, 14, 15, 24, 15);
  c.stroke();
  c.beginPath();
  c.moveTo(30, 15); c.lineTo(24, 11.8); c.lineTo(24, 18.2);
  c.fill();
}

function fillLegend() {
  $("legend").replaceChildren(...LEGEND.map(([words, paint]) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    paint(sizeCanvas(canvas, 34, 20));
    return make("li", {}, canvas, words);
  }));
}

// ---- light and dark

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
  layout();
  fillLegend();
}

// ---- paper: light, and as many lanes as a few pages hold

function printing(begin) {
  const root = document.documentElement;
  if (begin) {
    root.dataset.before = root.dataset.theme ?? "";
    root.dataset.theme = "light";
    for (const card of document.querySelectorAll(".finding")) { card.dataset.open = card.open; card.open = true; }
  } else {
    for (const card of document.querySelectorAll(".finding")) card.open = card.dataset.open === "true";
    if (root.dataset.before) root.dataset.theme = root.dataset.before; else delete root.dataset.theme;
  }
  layout();
  draw();
}

function listen() {
  for (const [, id] of FIELDS) $(id).addEventListener("input", filterChanged);
  $("filter").addEventListener("submit", (event) => { event.preventDefault(); lanesCanvas.focus(); });
  $("clear").addEventListener("click", clearFilter);
  $("in").addEventListener("click", () => zoom(1 / 1.5));
  $("out").addEventListener("click", () => zoom(1.5));
  $("fit").addEventListener("click", fit);
  $("theme").addEventListener("click", switchTheme);
  $("help").addEventListener("click", showKeys);
  $("text").addEventListener("toggle", fillTable);
  document.addEventListener("keydown", keyPressed);
  addEventListener("hashchange", recall);
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { layout(); fillLegend(); });
  new ResizeObserver(layout).observe($("stage"));
  listenToPointers();
}

// What the page shows, for tests.
window.keepwarm = {
  state: () => ({
    lanes: lanes.map((lane) => lane.kind === "connection" ? `connection ${lane.connection}`
      : lane.kind === "run" ? `run ${lane.members.length}${lane.open ? " open" : ""}` : lane.kind),
    shown, frames,
    window: [view.from, view.to],
    selected: view.selected, exchange: view.exchange, finding: view.finding,
    hovered: view.hovered && { connection: view.hovered.connection, exchange: view.hovered.exchange },
    marked: view.finding === NONE ? [] : report.findings[view.finding].connections,
    filter: { ...view.filter },
    scroll: scroller.scrollTop,
    panel: !$("panel").hidden,
    startedIn: keepwarmStarted,
  }),
  // Where an exchange is, in the window's pixels.
  where: (e) => {
    const box = lanesCanvas.getBoundingClientRect();
    const from = Math.max(exchFrom(e), view.from), to = Math.min(exchUntil(e), view.to);
    return { x: box.left + (xOf(from) + xOf(to)) / 2, y: box.top + middleOf(e) - scroller.scrollTop };
  },
  // Where the name of a lane is.
  name: (index) => {
    const box = lanesCanvas.getBoundingClientRect();
    return { x: box.left + 40, y: box.top + lanes[index].top + lanes[index].height / 2 - scroller.scrollTop };
  },
  steps: (time) => Object.fromEntries(SERIES.map((name) => [name, valueAt(steps()[name], time)])),
};

let keepwarmStarted = 0;
$("app").hidden = false;
view.to = report.length * REACH;
fillHead();
fillFilter();
fillFindings();
buildLanes();
layout();
fillLegend();
listen();
recall();
draw();
keepwarmStarted = performance.now() - started;
