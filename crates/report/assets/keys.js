// The keyboard.

const KEYS = [
  ["↑ ↓ or k j", "select the lane above or below"],
  ["Enter", "all about the selected lane; unfolds a folded one"],
  ["n p", "next and previous request on the selected lane"],
  ["← →", "move in time"],
  ["+ −", "zoom in, zoom out"],
  ["0", "show everything"],
  ["Home End", "the beginning, the end"],
  ["Page ↑ ↓", "scroll the lanes"],
  ["/", "find"],
  ["Esc", "close, then select nothing"],
  ["wheel", "scrolls the lanes; zooms on the axis, below the lanes, and with Ctrl or ⌘"],
  ["Shift + wheel, or drag", "move in time"],
  ["Shift + drag", "zoom to a stretch of time"],
  ["double click", "zoom to a connection or request"],
  ["two fingers", "zoom"],
  ["tap", "a request; once more: its connection"],
];

const ACTIONS = {
  ArrowLeft: () => pan(-0.12),
  ArrowRight: () => pan(0.12),
  ArrowUp: () => selectNext(-1),
  ArrowDown: () => selectNext(1),
  k: () => selectNext(-1),
  j: () => selectNext(1),
  n: () => stepExchange(1),
  p: () => stepExchange(-1),
  "+": () => zoom(1 / 1.5),
  "=": () => zoom(1 / 1.5),
  "-": () => zoom(1.5),
  "−": () => zoom(1.5),
  0: fit,
  Home: () => setWindow(0, view.to - view.from),
  End: () => setWindow(report.length * REACH - (view.to - view.from), report.length * REACH),
  PageUp: () => { scroller.scrollTop -= geo.height * 0.9; },
  PageDown: () => { scroller.scrollTop += geo.height * 0.9; },
  Enter: openSelected,
};
// Keys that work wherever the focus is, unless it is in a field.
const EVERYWHERE = { "/": () => $("find").focus(), "?": showKeys };

function openSelected() {
  if (view.selected === NONE) { selectNext(1); return; }
  const lane = lanes[laneOf[view.selected]];
  if (lane?.kind === "run" && !lane.open) { toggle(lane); scrollTo(laneOf[view.selected]); return; }
  select(view.selected, { exchange: view.exchange, open: true });
}

function escape() {
  hideTip();
  if (!$("panel").hidden) closePanel();
  else if (view.finding !== NONE) showFinding(NONE);
  else if (view.selected !== NONE) select(NONE);
}

function keyPressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const field = event.target.matches("input, select, textarea");
  if (event.key === "Escape") {
    if (field) lanesCanvas.focus({ preventScroll: true }); else escape();
    event.preventDefault();
    return;
  }
  if (field) return;
  const onLanes = event.target === lanesCanvas || event.target === document.body;
  const action = EVERYWHERE[event.key] ?? (onLanes ? ACTIONS[event.key] : undefined);
  if (!action) return;
  if (event.target === document.body && ACTIONS[event.key]) lanesCanvas.focus({ preventScroll: true });
  action();
  event.preventDefault();
}

function showKeys() {
  const dialog = $("keys");
  if (!dialog.firstChild) {
    const list = make("dl", {});
    for (const [key, what] of KEYS) list.append(make("dt", {}, key), make("dd", {}, what));
    dialog.append(make("h2", { id: "keys-title" }, "Keys and mouse"), list,
      make("form", { method: "dialog" }, make("button", {}, "Close")));
  }
  dialog.showModal();
}
