// The axis above the lanes and the steps below them. Both share the lanes' scale.

const AXIS = 42, PLOT = 132;

function drawAxis(canvas) {
  const c = sizeCanvas(canvas, geo.width, AXIS);
  const { step, ticks } = ticksShown();
  c.font = `11.5px ${FONT}`;
  c.fillStyle = colour.muted;
  c.fillText(geo.gutter < 100 ? "after" : "after the start", 24, 17);
  c.fillText("UTC", 24, 33);
  let clearTo = -Infinity;
  for (const t of ticks) {
    const x = Math.round(xOf(t));
    c.fillStyle = colour.rule;
    c.fillRect(x, AXIS - 6, 1, 6);
    const relative = moment(t, step), clock = wall(t, step);
    const width = Math.max(c.measureText(relative).width, c.measureText(clock).width);
    const left = Math.min(x + 4, geo.width - width);
    if (left < clearTo + 8) continue;
    clearTo = left + width;
    c.fillStyle = colour.ink;
    c.fillText(relative, left, 17);
    c.fillStyle = colour.muted;
    c.fillText(clock, left, 33);
  }
  c.fillStyle = colour.rule;
  c.fillRect(0, AXIS - 1, geo.width, 1);
  if (view.cursor !== NONE) drawReading(c, step);
}

function drawReading(c, step) {
  const content = moment(view.cursor, Math.max(step / 100, 1));
  const width = c.measureText(content).width + 10;
  const x = Math.min(Math.max(xOf(view.cursor) - width / 2, geo.gutter), geo.width - width);
  c.fillStyle = colour.ink;
  c.fillRect(x, 4, width, 18);
  c.fillStyle = colour.paper;
  c.fillText(content, x + 5, 17);
}

// How each series is drawn: its colour, its dash, and whether the area below it is filled.
const LOOKS = {
  open: { colour: "send", dash: [], fill: 0.13, width: 1.5 },
  idle: { colour: "idle", dash: [], fill: "dots", width: 1 },
  waiting: { colour: "queue", dash: [2, 3], fill: 0, width: 1.75 },
  necessary: { colour: "necessary", dash: [7, 4], fill: 0, width: 1.75 },
};

function most(series) {
  let found = 0;
  for (const name of SERIES) {
    const { times, values } = series[name];
    const last = indexAt(times, view.to);
    for (let i = indexAt(times, view.from); i <= last; i += 1) if (values[i] > found) found = values[i];
  }
  return found;
}

function drawPlot(canvas) {
  const c = sizeCanvas(canvas, geo.width, PLOT);
  const series = steps();
  const top = 12, bottom = PLOT - 12;
  const highest = Math.max(most(series), 1);
  const yOf = (value) => bottom - (value / highest) * (bottom - top);
  c.fillStyle = colour.rule;
  for (const t of ticksShown().ticks) c.fillRect(Math.round(xOf(t)), 0, 1, PLOT);
  c.fillRect(geo.gutter, bottom, geo.width, 1);
  c.save();
  c.beginPath();
  c.rect(geo.gutter, 0, geo.width - geo.gutter, PLOT);
  c.clip();
  const crowded = isCrowded(series);
  for (const name of SERIES) drawSeries(c, series[name], LOOKS[name], crowded, yOf, bottom);
  drawCursor(c, 0, PLOT);
  c.restore();
  drawScale(c, series, highest, yOf);
}

function drawScale(c, series, highest, yOf) {
  c.font = `10.5px ${FONT}`;
  c.fillStyle = colour.muted;
  c.textAlign = "right";
  c.fillText(grouped(highest), geo.gutter - 6, yOf(highest) + 4);
  c.fillText("0", geo.gutter - 6, yOf(0) + 3);
  c.textAlign = "left";
  const narrow = geo.gutter < 100;
  SERIES.forEach((name, i) => {
    const y = 34 + i * 17;
    const look = LOOKS[name];
    c.strokeStyle = colour[look.colour];
    c.lineWidth = look.width + 0.5;
    c.setLineDash(look.dash);
    c.beginPath();
    c.moveTo(narrow ? 4 : 24, y - 4); c.lineTo(narrow ? 16 : 42, y - 4);
    c.stroke();
    c.setLineDash([]);
    const value = view.cursor === NONE ? "" : ` ${grouped(valueAt(series[name], view.cursor))}`;
    c.fillStyle = colour.ink;
    c.fillText(narrow && value ? value : `${name}${value}`, narrow ? 20 : 48, y);
  });
}

// A step line. Where steps crowd, their mean, on a band from the lowest to the highest.
function drawSeries(c, series, look, crowded, yOf, bottom) {
  const first = indexAt(series.times, view.from), last = indexAt(series.times, view.to);
  const points = crowded ? bins(c, series, first, last, look, yOf) : stairs(series, first, last, yOf);
  const line = new Path2D();
  points.forEach(([x, y], i) => (i === 0 ? line.moveTo(x, y) : line.lineTo(x, y)));
  if (look.fill) {
    const area = new Path2D(line);
    area.lineTo(points.at(-1)[0], bottom);
    area.lineTo(points[0][0], bottom);
    c.globalAlpha = look.fill === "dots" ? 1 : look.fill;
    c.fillStyle = look.fill === "dots" ? dots : colour[look.colour];
    c.fill(area);
    c.globalAlpha = 1;
  }
  c.strokeStyle = colour[look.colour];
  c.lineWidth = look.width;
  c.setLineDash(look.dash);
  c.stroke(line);
  c.setLineDash([]);
}

// Whether steps stand closer than the eye can follow, all series being drawn alike.
function isCrowded(series) {
  const counts = SERIES.map((name) => indexAt(series[name].times, view.to) - indexAt(series[name].times, view.from));
  return Math.max(...counts) > plotWidth() / 2 && view.from < report.length;
}

const lastX = () => xOf(Math.min(view.to, report.length));

function stairs({ times, values }, first, last, yOf) {
  const points = [[geo.gutter, yOf(values[first])]];
  for (let i = first + 1; i <= last; i += 1) {
    const x = xOf(times[i]);
    points.push([x, yOf(values[i - 1])], [x, yOf(values[i])]);
  }
  points.push([lastX(), yOf(values[last])]);
  return points;
}

const BIN = 8;

function bins(c, { times, values }, first, last, look, yOf) {
  const points = [], highs = [], lows = [];
  let i = first;
  for (let x = geo.gutter; x < lastX(); x += BIN) {
    const from = timeOf(x), to = timeOf(x + BIN);
    let low = values[i], high = values[i], sum = 0, since = from;
    while (i < last && times[i + 1] < to) {
      sum += values[i] * (times[i + 1] - since);
      since = times[i + 1];
      i += 1;
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
    }
    sum += values[i] * (to - since);
    points.push([x + BIN / 2, yOf(sum / (to - from))]);
    highs.push([x + BIN / 2, yOf(high)]);
    lows.unshift([x + BIN / 2, yOf(low)]);
  }
  const band = new Path2D();
  highs.concat(lows).forEach(([x, y], at) => (at === 0 ? band.moveTo(x, y) : band.lineTo(x, y)));
  c.globalAlpha = 0.16;
  c.fillStyle = colour[look.colour];
  c.fill(band);
  c.globalAlpha = 1;
  return points;
}
