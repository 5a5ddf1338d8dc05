// The lanes on their canvas. Owns how a connection looks at each zoom; asks the model what there is.

const geo = { gutter: 128, right: 22, width: 600, height: 400, scroll: 0 };
const plotWidth = () => Math.max(geo.width - geo.gutter - geo.right, 10);
const xOf = (time) => geo.gutter + ((time - view.from) / (view.to - view.from)) * plotWidth();
const timeOf = (x) => view.from + ((x - geo.gutter) / plotWidth()) * (view.to - view.from);
const clampX = (x) => Math.min(Math.max(x, geo.gutter - 20), geo.width + 20);

const FONT = "system-ui, sans-serif";
const BAR = 12;
const LEAST_PARTS = 3;      // narrower bars are drawn without their parts
const LEAST_LABEL = 64;

function sizeCanvas(canvas, width, height) {
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  return c;
}

function drawLanes(canvas) {
  const c = sizeCanvas(canvas, geo.width, geo.height);
  const top = geo.scroll, bottom = geo.scroll + geo.height;
  c.save();
  c.translate(0, -top);
  drawGrid(c, top, bottom);
  const first = Math.max(laneAt(top), 0);
  for (let i = first; i < lanes.length && lanes[i].top < bottom; i += 1) drawLane(c, lanes[i]);
  drawRetries(c, top, bottom);
  drawCursor(c, top, bottom);
  c.restore();
  drawPinned(c, first);
  if (lanes.length === 0) drawEmpty(c);
}

function drawEmpty(c) {
  c.font = `13px ${FONT}`;
  c.fillStyle = colour.muted;
  c.textAlign = "center";
  c.fillText(conns.count + exchs.count === 0 ? "Nothing happened." : "No connection passes the filter.",
    geo.width / 2, geo.height / 2);
  c.textAlign = "left";
}

function ticksShown() {
  const step = tickStep(((view.to - view.from) * 86) / plotWidth());
  const ticks = [];
  for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) ticks.push(t);
  return { step, ticks };
}

function drawGrid(c, top, bottom) {
  c.fillStyle = colour.rule;
  for (const t of ticksShown().ticks) c.fillRect(Math.round(xOf(t)), top, 1, bottom - top);
}

function drawCursor(c, top, bottom) {
  if (view.cursor === NONE) return;
  c.fillStyle = colour.muted;
  c.globalAlpha = 0.5;
  c.fillRect(Math.round(xOf(view.cursor)), top, 1, bottom - top);
  c.globalAlpha = 1;
}

function drawLane(c, lane) {
  if (lane.kind === "origin") drawOrigin(c, lane, lane.top);
  else if (lane.kind === "run") drawRun(c, lane);
  else if (lane.kind === "lost") drawLost(c, lane);
  else drawConnection(c, lane);
}

// ---- the column of names

function label(c, content, x, y, style, width) {
  c.font = style.font;
  c.fillStyle = style.colour;
  let shownText = content;
  if (width && c.measureText(content).width > width) {
    let keep = content.length;
    while (keep > 1 && c.measureText(`${content.slice(0, keep)}…`).width > width) keep -= 1;
    shownText = `${content.slice(0, keep)}…`;
  }
  c.fillText(shownText, x, y);
  return c.measureText(shownText).width;
}

function chevron(c, x, y, open) {
  c.strokeStyle = colour.muted;
  c.lineWidth = 1.5;
  c.beginPath();
  if (open) { c.moveTo(x - 4, y - 2); c.lineTo(x, y + 2); c.lineTo(x + 4, y - 2); }
  else { c.moveTo(x - 2, y - 4); c.lineTo(x + 2, y); c.lineTo(x - 2, y + 4); }
  c.stroke();
}

function originNumbers(o) {
  const timeout = o.idle_timeout ? ` · closes after ${duration(o.idle_timeout.us)} idle` : "";
  const failed = o.failed ? ` · ${grouped(o.failed)} failed` : "";
  return `${grouped(o.exchanges)} requests · ${grouped(o.opened)} opened · ${grouped(o.necessary)} necessary · `
    + `${grouped(o.avoidable)} avoidable · reuse ${percent(o.reuse_ratio)}${timeout}${failed}`;
}

function drawOrigin(c, lane, top) {
  const o = report.origins[lane.origin];
  c.fillStyle = colour.paper;
  c.fillRect(0, top, geo.width, lane.height);
  c.fillStyle = colour.rule;
  c.fillRect(0, top + lane.height - 1, geo.width, 1);
  chevron(c, 12, top + 18, lane.open);
  const wide = geo.width - 34;
  label(c, o.name, 24, top + 22, { font: `600 13px ${FONT}`, colour: colour.ink }, wide);
  const text = geo.width < 520
    ? `${grouped(o.opened)} opened · ${grouped(o.avoidable)} avoidable · reuse ${percent(o.reuse_ratio)}`
    : originNumbers(o);
  label(c, text, 24, top + 39, { font: `11.5px ${FONT}`, colour: colour.muted }, wide);
}

// The group that the first visible lane belongs to stays readable at the top.
function drawPinned(c, first) {
  const lane = lanes[first];
  if (!lane || (lane.kind === "origin" && lane.top >= geo.scroll)) return;
  const o = report.origins[lane.kind === "connection" ? conns.origin[lane.connection]
    : lane.kind === "run" ? conns.origin[lane.members[0]] : lane.origin];
  c.fillStyle = colour.paper;
  c.fillRect(0, 0, geo.width, 22);
  c.fillStyle = colour.rule;
  c.fillRect(0, 22, geo.width, 1);
  label(c, o.name, 24, 15, { font: `600 11.5px ${FONT}`, colour: colour.ink }, geo.width - 34);
}

function drawName(c, lane, name, count, warn) {
  const middle = lane.top + lane.height / 2;
  const narrow = geo.gutter < 100;
  const indent = (lane.run ?? NONE) === NONE ? 24 : 32;
  if (warn) drawWarning(c, indent - 11, middle);
  label(c, name, indent, middle + 4, { font: `500 12px ${FONT}`, colour: colour.ink },
    geo.gutter - indent - (narrow ? 6 : 30));
  if (narrow) return;
  c.textAlign = "right";
  label(c, count, geo.gutter - 12, middle + 4, { font: `11px ${FONT}`, colour: colour.muted });
  c.textAlign = "left";
}

function drawGround(c, lane) {
  const selected = lane.kind === "connection" && lane.connection === view.selected
    || lane.kind === "run" && !lane.open && lane.members.includes(view.selected);
  const marked = lane.kind === "connection" ? isMarked(lane.connection)
    : lane.kind === "run" && !lane.open && lane.members.some(isMarked);
  const under = view.hovered && view.hovered.lane === lane;
  if (selected || under || marked) {
    c.fillStyle = selected || marked ? colour.mark : colour.band;
    c.fillRect(0, lane.top, geo.width, lane.height);
  }
  if (selected) {
    c.fillStyle = colour.accent;
    c.fillRect(0, lane.top, 3, lane.height);
  }
  return marking() && !marked ? 0.35 : 1;
}

// ---- one connection

function drawConnection(c, lane) {
  const id = lane.connection;
  const alpha = drawGround(c, lane);
  c.globalAlpha = alpha;
  drawName(c, lane, nameOf(id), `${grouped(servedCount(id))}×`, isAvoidable(id));
  inPlot(c, lane, () => {
    drawLife(c, id, lane.top + lane.height / 2, stack.rows[id] > 1 ? lane.height - 8 : BAR);
    drawExchanges(c, id, lane);
  });
  c.globalAlpha = 1;
}

function inPlot(c, lane, draw) {
  c.save();
  c.beginPath();
  c.rect(geo.gutter - 6, lane.top, geo.width - geo.gutter + 6, lane.height);
  c.clip();
  draw();
  c.restore();
}

// Handshake, the line of being open, and the end.
function drawLife(c, id, middle, height) {
  const until = connUntil(id);
  const from = clampX(xOf(conns.opened[id])), to = clampX(xOf(until));
  if (to > from) {
    c.fillStyle = colour.idle;
    c.fillRect(from, Math.round(middle) - 0.5, to - from, 1.5);
  }
  if (isOlder(id)) drawOlder(c, clampX(xOf(conns.opened[id])), middle);
  else drawHandshake(c, id, middle, isAvoidable(id) ? 16 : BAR);
  const x = xOf(until);
  if (x < geo.gutter - 8 || x > geo.width + 8) return;
  if (conns.end[id] < 0) {
    c.strokeStyle = colour.muted;
    c.lineWidth = 1.5;
    drawOpenEnd(c, x + 2, middle);
    return;
  }
  c.fillStyle = colour.ink;
  c.fillRect(Math.round(x) - 0.5, middle - height / 2, 1.2, height);
  drawCloser(c, text[conns.by[id]], x + (failsAtEnd(id) ? 13 : 7), middle, 3.4);
}

// Whether the cross of a failed exchange stands where the end is drawn.
function failsAtEnd(id) {
  const last = served.items[served.first[id + 1] - 1];
  return servedCount(id) > 0 && stack.rows[id] === 1 && exchs.outcome[last] === FAILED
    && xOf(conns.end[id]) - xOf(exchUntil(last)) < 12;
}

// Three steps upwards: name, address, TLS. Red and hatched when it need not have been.
function drawHandshake(c, id, middle, height, least = isAvoidable(id) ? 5 : 3) {
  const end = xOf(conns.opened[id]);
  const begin = Math.min(xOf(conns.dialed[id]), end - least);
  if (end < geo.gutter - 8 || begin > geo.width) return;
  const scale = plotWidth() / (view.to - view.from);
  const parts = [conns.dns[id], conns.connect[id], Math.max(conns.tls[id], 0)].map((us) => us * scale);
  const total = parts[0] + parts[1] + parts[2];
  const bottom = middle + height / 2;
  const heights = hasTls(id) ? [0.45, 0.72, 1] : [0.6, 1, 1];
  const paint = (x, width, h) => {
    c.fillStyle = isAvoidable(id) ? colour.avoid : colour.dial;
    c.fillRect(x, bottom - h, width, h);
    if (isAvoidable(id) && width >= 4) { c.fillStyle = hatch; c.fillRect(x, bottom - h, width, h); }
  };
  if (total < 6 || total > (end - begin) * 1.02) { paint(begin, end - begin, height); return; }
  let x = end - total;
  // What is left over was spent before: waiting for other addresses, for a proxy.
  if (x - begin > 0.5) paint(begin, x - begin, height * 0.3);
  parts.forEach((width, i) => {
    if (width > 0) paint(x, Math.max(width - (width > 3 ? 0.7 : 0), 0.5), height * heights[i]);
    x += width;
  });
  if (isAvoidable(id)) {
    c.strokeStyle = colour.avoid;
    c.lineWidth = 1;
    c.strokeRect(begin + 0.5, bottom - 0.5, end - begin - 1, 0.01);
  }
}

// Index of the first exchange of connection c that may reach into the window.
function firstSeen(c) {
  if (stack.rows[c] > 1) return served.first[c];
  let low = served.first[c], high = served.first[c + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (exchUntil(served.items[middle]) < view.from) low = middle + 1; else high = middle;
  }
  return low;
}

function drawExchanges(c, id, lane) {
  const stacked = stack.rows[id] > 1;
  const height = stacked ? STACKED - 2 : BAR;
  const rowTop = (e) => (stacked ? lane.top + 4 + stack.row[e] * STACKED : lane.top + (lane.height - BAR) / 2);
  const dense = new Dense(c, height);
  let idleFrom = conns.opened[id];
  const last = served.first[id + 1];
  for (let i = firstSeen(id); i < last; i += 1) {
    const e = served.items[i];
    const from = exchFrom(e);
    if (from > view.to) break;
    if (!stacked && i > served.first[id]) idleFrom = exchUntil(served.items[i - 1]);
    if (!stacked) drawGap(c, xOf(idleFrom), xOf(from), from - idleFrom, lane.top + lane.height / 2);
    drawQueue(c, e, lane.top + 1.5);
    if (exchUntil(e) < view.from) continue;
    drawExchange(c, e, rowTop(e), height, dense);
  }
  dense.flush();
  if (last > served.first[id] && conns.end[id] >= 0 && !stacked) {
    idleFrom = exchUntil(served.items[last - 1]);
    drawGap(c, xOf(idleFrom), xOf(conns.end[id]), conns.end[id] - idleFrom, lane.top + lane.height / 2);
  }
}

// How long the connection was idle, where there is room to say so.
function drawGap(c, from, to, us, middle) {
  const left = Math.max(from, geo.gutter), right = Math.min(to, geo.width - geo.right);
  if (right - left < 62) return;
  c.font = `10.5px ${FONT}`;
  const content = duration(us);
  const width = c.measureText(content).width;
  const x = (left + right - width) / 2;
  c.fillStyle = colour.paper;
  c.fillRect(x - 5, middle - 6, width + 10, 12);
  c.fillStyle = colour.muted;
  c.fillText(content, x, middle + 3.5);
}

function drawQueue(c, e, y) {
  const until = exchs.taken[e] < 0 ? exchUntil(e) : exchs.taken[e];
  const from = clampX(xOf(exchs.asked[e])), to = clampX(xOf(until));
  if (to - from < 0.75) return;
  c.fillStyle = colour.queue;
  c.fillRect(from, y, to - from, 2.5);
}

const isDim = (e) => hits !== null && !hits[e];

function drawExchange(c, e, y, height, dense) {
  const from = xOf(exchFrom(e)), to = xOf(exchUntil(e));
  const failed = exchs.outcome[e] === FAILED;
  if (to - from < LEAST_PARTS && !failed && e !== view.exchange) { dense.add(from, to, y, isDim(e)); return; }
  dense.flush();
  const alpha = c.globalAlpha;
  if (isDim(e)) c.globalAlpha = alpha * 0.25;
  drawParts(c, e, from, Math.max(to, from + 1), y, height);
  if (failed) drawCross(c, clampX(to), y + height / 2, Math.min(height / 2 - 1, 4));
  if (e === view.exchange) {
    c.strokeStyle = colour.ink;
    c.lineWidth = 1.5;
    c.strokeRect(clampX(from) - 2, y - 2.5, Math.max(clampX(to) - clampX(from), 1) + 4, height + 5);
  }
  c.globalAlpha = alpha;
}

// Send: full and dark. Wait: lower and light. Receive: full. Still running: dotted to its end.
function drawParts(c, e, from, to, y, height) {
  const sent = exchs.sent[e] < 0 ? NONE : xOf(exchs.sent[e]);
  const head = exchs.head[e] < 0 ? NONE : xOf(exchs.head[e]);
  const sendTo = exchs.sent[e] < 0 ? (exchs.head[e] < 0 ? to : head) : Math.min(sent, to);
  const waitFrom = sendTo, waitTo = exchs.head[e] < 0 ? to : Math.max(head, waitFrom);
  const paint = (a, b, fill, part) => {
    const left = clampX(a), right = clampX(b);
    if (right <= left) return;
    c.fillStyle = fill;
    const h = height * part;
    c.fillRect(left, y + (height - h) / 2, right - left, h);
  };
  paint(waitFrom, waitTo, colour.wait, 0.76);
  if (waitTo < to) paint(waitTo, Math.max(to, waitTo + 1), colour.receive, 1);
  paint(from, Math.max(sendTo, from + 1), colour.send, 1);
  if (exchs.outcome[e] === RUNNING) paint(Math.max(waitTo - 12, from), to, dots, 1);
  if (height >= BAR && !labelPart(c, e, waitFrom, waitTo, y + height - 3, colour.ink)) {
    labelPart(c, e, waitTo, to, y + height - 3, colour.dark);
  }
}

// Method and target, where a part is wide enough.
function labelPart(c, e, from, to, y, ink) {
  const left = Math.max(from, geo.gutter), right = Math.min(to, geo.width - geo.right);
  if (right - left <= LEAST_LABEL) return false;
  label(c, `${text[exchs.method[e]]} ${text[exchs.target[e]]}`, left + 5, y,
    { font: `10px ${FONT}`, colour: ink }, right - left - 10);
  return true;
}

// Exchanges too narrow to be drawn one by one: a bar for each run of pixels, darker the more of it is in use.
class Dense {
  constructor(c, height) {
    this.c = c;
    this.height = height;
    this.pixel = NONE;
  }

  add(from, to, y, dim) {
    const pixel = Math.floor(from);
    if (pixel !== this.pixel || y !== this.y || dim !== this.dim) {
      this.flush();
      Object.assign(this, { pixel, y, dim, used: 0, to: from });
    }
    this.used += to - from;
    this.to = Math.max(this.to, to);
  }

  flush() {
    if (this.pixel === NONE) return;
    const { c, pixel, y, dim, height } = this;
    const width = Math.max(this.to - pixel, 1);
    const alpha = c.globalAlpha;
    const share = Math.min(this.used / width, 1);
    c.globalAlpha = alpha * (dim ? 0.2 : 0.45 + 0.55 * share);
    c.fillStyle = colour.send;
    c.fillRect(pixel, y, width, height);
    c.globalAlpha = alpha;
    this.pixel = NONE;
  }
}

// ---- lanes that are not one connection

function drawRun(c, lane) {
  c.globalAlpha = drawGround(c, lane);
  const first = lane.members[0];
  const middle = lane.top + lane.height / 2;
  chevron(c, 12, middle, lane.open);
  if (isAvoidable(first) && !lane.open) drawWarning(c, geo.gutter - 18, middle - 4);
  const what = causeOf(first) ? `${causeOf(first)}` : "single-request";
  label(c, `×${grouped(lane.members.length)}`, 24, lane.open ? middle + 4 : middle - 1,
    { font: `600 12px ${FONT}`, colour: colour.ink }, geo.gutter - 30);
  if (lane.open) {
    label(c, `single-request connections · ${what} · click to fold`, 24 + 60, middle + 4,
      { font: `11px ${FONT}`, colour: colour.muted }, geo.width - 100);
  } else {
    label(c, what, 24, middle + 11, { font: `10px ${FONT}`, colour: colour.muted }, geo.gutter - 30);
    inPlot(c, lane, () => drawMembers(c, lane));
  }
  c.globalAlpha = 1;
}

function drawMembers(c, lane) {
  const rows = Math.max(...lane.rows) + 1;
  const height = Math.min(BAR, (lane.height - 6) / rows - 1);
  const pitch = (lane.height - 6) / rows;
  const dense = new Dense(c, height * 0.6);
  let lastOpening = -Infinity;
  lane.members.forEach((id, i) => {
    const until = connUntil(id);
    if (until < view.from || conns.dialed[id] > view.to) return;
    const top = lane.top + 3 + lane.rows[i] * pitch + (pitch - height) / 2;
    const from = clampX(xOf(conns.opened[id])), to = clampX(xOf(until));
    c.fillStyle = colour.idle;
    if (to - from > 1.5) c.fillRect(from, top + height / 2 - 0.75, to - from, 1.5);
    for (let k = served.first[id]; k < served.first[id + 1]; k += 1) {
      drawExchange(c, served.items[k], top + height * 0.2, height * 0.6, dense);
    }
    // Openings that fall together are drawn once.
    if (from - lastOpening < 2) return;
    lastOpening = from;
    dense.flush();
    drawHandshake(c, id, top + height / 2, height, 1.5);
    if (xOf(until) - from > 24) {
      c.fillStyle = colour.ink;
      drawCloser(c, text[conns.by[id]], xOf(until) + 5, top + height / 2, Math.min(3, height / 2 - 1));
    }
  });
  dense.flush();
}

function drawLost(c, lane) {
  c.globalAlpha = drawGround(c, lane);
  drawName(c, lane, geo.gutter < 100 ? "none" : "unserved", `${grouped(lane.exchanges.length)}×`, false);
  inPlot(c, lane, () => {
    const y = lane.top + (lane.height - BAR) / 2;
    for (const e of lane.exchanges) {
      const from = clampX(xOf(exchs.asked[e])), to = clampX(xOf(exchUntil(e)));
      if (to <= geo.gutter - 20 || from >= geo.width + 20) continue;
      c.fillStyle = colour.queue;
      c.fillRect(from, y + BAR / 2 - 1.5, Math.max(to - from, 1), 3);
      if (exchs.outcome[e] === FAILED) drawCross(c, to, y + BAR / 2, 4);
    }
  });
  c.globalAlpha = 1;
}

// ---- retries: an arrow from what failed to what repeats it

function middleOf(e) {
  const c = exchs.connection[e];
  if (c < 0 || laneOf[c] === NONE) return NONE;
  const lane = lanes[laneOf[c]];
  if (lane.kind !== "connection" || stack.rows[c] === 1) return lane.top + lane.height / 2;
  return lane.top + 4 + stack.row[e] * STACKED + STACKED / 2;
}

function drawRetries(c, top, bottom) {
  c.save();
  c.beginPath();
  c.rect(geo.gutter - 6, top, geo.width, bottom - top);
  c.clip();
  c.strokeStyle = c.fillStyle = colour.ink;
  c.lineWidth = 1;
  for (const [e, repeat] of retries.links) {
    const y = middleOf(e), y2 = middleOf(repeat);
    if (y === NONE || y2 === NONE || Math.max(y, y2) < top || Math.min(y, y2) > bottom) continue;
    const x = xOf(exchUntil(e)), x2 = xOf(exchFrom(repeat));
    if (Math.max(x, x2) < geo.gutter || Math.min(x, x2) > geo.width) continue;
    const bend = Math.max(9, Math.min(60, Math.abs(x2 - x) / 2));
    c.globalAlpha = 0.75;
    c.beginPath();
    c.moveTo(x + 3, y);
    c.bezierCurveTo(x + bend, y, x2 - bend, y2, x2 - 3, y2);
    c.stroke();
    c.beginPath();
    c.moveTo(x2 - 1, y2); c.lineTo(x2 - 7, y2 - 3.2); c.lineTo(x2 - 7, y2 + 3.2);
    c.fill();
  }
  c.restore();
}
