// Mouse, pen and fingers on the canvases.

const TOUCH = 5;            // how near is near enough, in pixels
const tip = $("tip");

// What is under a point of the lanes' canvas: a lane, and on it an exchange, the handshake, a gap or the end.
function under(x, y) {
  const pinned = y < 22 && geo.scroll > 0;
  const index = pinned ? NONE : laneAt(y + geo.scroll);
  if (index === NONE) return null;
  const lane = lanes[index];
  const hit = { lane, connection: NONE, exchange: NONE };
  if (x < geo.gutter - 6 || lane.kind === "origin") {
    if (lane.kind === "connection") hit.connection = lane.connection;
    return hit;
  }
  if (lane.kind === "connection") {
    hit.connection = lane.connection;
    hit.exchange = exchangeAt(lane.connection, x, y + geo.scroll - lane.top);
  } else if (lane.kind === "run" && !lane.open) memberAt(lane, x, hit);
  else if (lane.kind === "lost") hit.exchange = nearest(lane.exchanges, x, (e) => exchs.asked[e]);
  return hit;
}

function nearest(list, x, from, fits = () => true) {
  let found = NONE, best = TOUCH;
  for (const e of list) {
    if (!fits(e)) continue;
    const a = xOf(from(e)), b = xOf(exchUntil(e));
    if (a > x + TOUCH) { if (from === exchFrom) break; continue; }
    const distance = x < a ? a - x : x > b ? x - b : 0;
    if (distance < best || (distance === 0 && best === 0)) { best = distance; found = e; }
  }
  return found;
}

function exchangeAt(c, x, y) {
  const row = Math.floor((y - 4) / STACKED);
  const stacked = stack.rows[c] > 1;
  const list = served.items.subarray(firstSeen(c), served.first[c + 1]);
  return nearest(list, x, exchFrom, (e) => !stacked || stack.row[e] === row);
}

function memberAt(lane, x, hit) {
  let best = TOUCH;
  for (const c of lane.members) {
    const a = xOf(conns.dialed[c]), b = xOf(connUntil(c));
    const distance = x < a ? a - x : x > b ? x - b : 0;
    if (distance > best) continue;
    best = distance;
    hit.connection = c;
  }
  if (hit.connection !== NONE) hit.exchange = exchangeAt(hit.connection, x, 0);
}

// ---- the tip

function tipLines(hit) {
  const { lane, connection: c, exchange: e } = hit;
  if (e !== NONE) {
    return [make("b", {}, lineOf(e)),
      make("p", { class: exchs.outcome[e] === FAILED ? "bad" : "" }, outcomeOf(e), ` · ${useOf(e)}`),
      facts(phasesOf(e).map(([name, us, note]) => [name, `${duration(us)}${note ? ` ${note}` : ""}`])
        .concat([["at", at(exchs.asked[e])],
          ["bytes", `${bytes(exchs.sentBytes[e])} out, ${bytes(exchs.receivedBytes[e])} in`]])),
      ...[text[exchs.verdictText[e]] ?? text[exchs.verdict[e]], repeatOf(e), retryOf(e)].filter(Boolean)
        .map((line) => make("p", {}, line))];
  }
  if (c !== NONE) {
    return [make("b", {}, `${nameOf(c)} · ${counted(servedCount(c), "request")}`),
      make("p", { class: isAvoidable(c) ? "bad" : "" }, isOlder(c) ? OLDER : NECESSITY[necessityOf(c)]),
      make("p", {}, text[conns.missText[c]] ?? ""),
      facts([["handshake", isOlder(c) ? "" : duration(conns.opened[c] - conns.dialed[c])],
        ["lived", duration(connUntil(c) - conns.opened[c])], ["end", endInWords(c)]])];
  }
  if (lane.kind === "run") {
    return [make("b", {}, `×${grouped(lane.members.length)} single-request connections`),
      make("p", {}, causeOf(lane.members[0])), make("p", {}, lane.open ? "Click to fold." : "Click to unfold.")];
  }
  if (lane.kind === "lost") return [make("b", {}, `${counted(lane.exchanges.length, "request")} without connection`)];
  const o = report.origins[lane.origin];
  return [make("b", {}, o.name), make("p", {}, originNumbers(o))];
}

function showTip(hit, x, y) {
  tip.replaceChildren(...tipLines(hit));
  tip.hidden = false;
  const stage = $("stage").getBoundingClientRect();
  const box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(x - stage.left + 14, 4), stage.width - box.width - 4);
  const below = y - stage.top + 18;
  const top = below + box.height > stage.height ? y - stage.top - box.height - 12 : below;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(top, 4 - stage.top)}px`;
}

const hideTip = () => { tip.hidden = true; };

function showTipAt(e) {
  const c = exchs.connection[e];
  const lane = c < 0 ? lanes.find((it) => it.kind === "lost" && it.exchanges.includes(e)) : lanes[laneOf[c]];
  if (!lane) return;
  const box = lanesCanvas.getBoundingClientRect();
  const x = Math.min(Math.max(xOf(exchFrom(e)), geo.gutter), geo.width - 40);
  showTip({ lane, connection: c, exchange: e }, box.left + x, box.top + lane.top + lane.height - scroller.scrollTop);
}

// ---- moving

const fingers = new Map();
let drag = null;

function local(event) {
  const box = lanesCanvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function hover(event) {
  const { x, y } = local(event);
  const inLanes = event.currentTarget === lanesCanvas;
  view.hovered = inLanes ? under(x, y) : null;
  view.cursor = x >= geo.gutter && x <= geo.width ? timeOf(x) : NONE;
  if (view.hovered) showTip(view.hovered, event.clientX, event.clientY); else hideTip();
  const { hovered } = view;
  lanesCanvas.style.cursor = hovered && (hovered.connection !== NONE || ["origin", "run"].includes(hovered.lane.kind))
    ? "pointer" : "";
  redraw();
}

function leave(event) {
  // A finger that is lifted leaves too; what it has tapped stays to be read.
  if (event.pointerType === "touch") return;
  view.hovered = null;
  view.cursor = NONE;
  hideTip();
  redraw();
}

function press(event) {
  if (event.button > 0) return;
  fingers.set(event.pointerId, local(event));
  event.currentTarget.setPointerCapture(event.pointerId);
  const { x, y } = local(event);
  drag = { x, y, scroll: scroller.scrollTop, from: view.from, to: view.to, moved: false, range: event.shiftKey,
    pinched: drag?.pinched && fingers.size > 1 };
  if (fingers.size === 2) beginPinch();
}

function beginPinch() {
  const [a, b] = [...fingers.values()];
  drag = { pinched: true, apart: Math.max(Math.abs(a.x - b.x), 20), from: view.from, to: view.to,
    around: timeOf((a.x + b.x) / 2), moved: true };
}

function move(event) {
  if (!fingers.has(event.pointerId)) { hover(event); return; }
  fingers.set(event.pointerId, local(event));
  if (fingers.size === 2 && drag?.pinched) { pinch(); return; }
  if (!drag || drag.pinched) return;
  const { x, y } = local(event);
  if (!drag.moved && Math.hypot(x - drag.x, y - drag.y) < 4) return;
  drag.moved = true;
  hideTip();
  if (drag.range) { drawRange(drag.x, x); return; }
  const shift = ((drag.x - x) / plotWidth()) * (drag.to - drag.from);
  setWindow(drag.from + shift, drag.to + shift);
  if (event.pointerType === "mouse") scroller.scrollTop = drag.scroll + (drag.y - y);
}

function pinch() {
  const [a, b] = [...fingers.values()];
  const factor = drag.apart / Math.max(Math.abs(a.x - b.x), 20);
  const width = (drag.to - drag.from) * factor;
  const part = ((a.x + b.x) / 2 - geo.gutter) / plotWidth();
  setWindow(drag.around - width * part, drag.around + width * (1 - part));
}

function drawRange(a, b) {
  draw();
  const c = lanesCanvas.getContext("2d");
  c.globalAlpha = 0.14;
  c.fillStyle = colour.accent;
  c.fillRect(Math.min(a, b), 0, Math.abs(a - b), geo.height);
  c.globalAlpha = 1;
}

function release(event) {
  fingers.delete(event.pointerId);
  const done = drag;
  if (fingers.size > 0) return;
  drag = null;
  if (!done || done.pinched) return;
  const { x, y } = local(event);
  if (done.moved && done.range) {
    setWindow(timeOf(Math.min(x, done.x)), timeOf(Math.max(x, done.x)));
  } else if (!done.moved && event.currentTarget === lanesCanvas) choose(under(x, y), event);
}

// A click or tap.
function choose(hit, event) {
  if (!hit) { select(NONE); closePanel(); return; }
  if (hit.lane.kind === "origin" || (hit.lane.kind === "run" && (hit.connection === NONE || hit.lane.open))) {
    toggle(hit.lane);
    hideTip();
    return;
  }
  // A finger cannot hover: its first tap on a request tells that one, the next its connection.
  const first = event.pointerType === "touch" && hit.exchange !== NONE && hit.exchange !== view.exchange;
  if (hit.connection !== NONE) select(hit.connection, { exchange: hit.exchange, open: !first, reveal: false });
  else if (hit.exchange !== NONE) { view.exchange = hit.exchange; redraw(); }
  if (event.pointerType === "mouse" || !first) hideTip(); else showTip(hit, event.clientX, event.clientY);
}

function wheel(event) {
  const inLanes = event.currentTarget === lanesCanvas;
  const scale = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 200 : 1;
  const across = event.shiftKey ? event.deltaX + event.deltaY : event.deltaX;
  if (event.ctrlKey || event.metaKey || event.altKey || !inLanes || !canScroll()) {
    if (Math.abs(event.deltaY) < Math.abs(across) && !event.ctrlKey) pan((across * scale) / plotWidth());
    else zoom(Math.exp(event.deltaY * scale * (event.ctrlKey && scale === 1 ? 0.006 : 0.002)), timeOf(local(event).x));
    event.preventDefault();
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    pan((across * scale) / plotWidth());
    event.preventDefault();
  }
  hideTip();
}

// Where all lanes fit, the wheel has nothing to scroll, and zooms.
const canScroll = () => lanesHeight > geo.height + 1;

function zoomToLane(event) {
  const { x, y } = local(event);
  const hit = under(x, y);
  if (!hit || hit.connection === NONE) { zoom(0.5, timeOf(x)); return; }
  const c = hit.connection;
  const from = hit.exchange === NONE ? conns.dialed[c] : exchs.asked[hit.exchange];
  const to = hit.exchange === NONE ? connUntil(c) : exchUntil(hit.exchange);
  const room = Math.max((to - from) * 0.06, 1);
  setWindow(from - room, to + room);
}

function listenToPointers() {
  for (const canvas of [lanesCanvas, $("axis"), $("plot")]) {
    canvas.addEventListener("pointerdown", press);
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); drag = null; });
    canvas.addEventListener("pointerleave", leave);
    canvas.addEventListener("wheel", wheel, { passive: false });
  }
  lanesCanvas.addEventListener("dblclick", zoomToLane);
  scroller.addEventListener("scroll", () => { hideTip(); redraw(); }, { passive: true });
}
