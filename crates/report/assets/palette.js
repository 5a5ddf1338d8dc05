// Colours, patterns and glyphs. Colours come from the style sheet, after Okabe and Ito; each meaning also has a height,
// a pattern or a shape of its own, so that nothing is told by colour alone.

const NAMES = ["paper", "panel", "ink", "muted", "rule", "band", "accent", "dial", "avoid", "send", "wait", "receive",
  "idle", "queue", "mark", "necessary", "dark"];
let colour = {};
let hatch = null;
let dots = null;
let ratio = 1;

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  colour = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  hatch = pattern(6, (c, size) => {
    c.strokeStyle = colour.paper;
    c.lineWidth = 1.6;
    for (const shift of [-size, 0, size]) {
      c.beginPath();
      c.moveTo(shift - 1, size + 1);
      c.lineTo(shift + size + 1, -1);
      c.stroke();
    }
  });
  dots = pattern(4, (c) => {
    c.fillStyle = colour.idle;
    c.fillRect(0, 1, 1.2, 1.2);
    c.fillRect(2, 3, 1.2, 1.2);
  });
}

function pattern(size, draw) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(size * ratio);
  const c = tile.getContext("2d");
  c.scale(tile.width / size, tile.height / size);
  draw(c, size);
  const made = c.createPattern(tile, "repeat");
  made.setTransform(new DOMMatrix([size / tile.width, 0, 0, size / tile.height, 0, 0]));
  return made;
}

// Who ended a connection, by shape. The same as in the terminal's lanes.
const CLOSERS = {
  peer: { sign: "◆", name: "the server ended it" },
  us: { sign: "■", name: "we ended it" },
  caller: { sign: "▼", name: "the caller ended it" },
  limit: { sign: "●", name: "a limit ended it" },
};

function drawCloser(c, by, x, y, r) {
  c.beginPath();
  if (by === "peer") {
    c.moveTo(x, y - r - 1); c.lineTo(x + r + 1, y); c.lineTo(x, y + r + 1); c.lineTo(x - r - 1, y);
  } else if (by === "caller") {
    c.moveTo(x - r, y - r + 0.5); c.lineTo(x + r, y - r + 0.5); c.lineTo(x, y + r);
  } else if (by === "limit") c.arc(x, y, r, 0, Math.PI * 2);
  else c.rect(x - r + 0.5, y - r + 0.5, r * 2 - 1, r * 2 - 1);
  c.closePath();
  c.fill();
}

function drawOpenEnd(c, x, y) {
  c.beginPath();
  c.moveTo(x, y - 4); c.lineTo(x + 4, y); c.lineTo(x, y + 4);
  c.stroke();
}

// It was open before: the line comes from outside.
function drawOlder(c, x, y) {
  c.fillStyle = colour.idle;
  for (const [from, width] of [[-4, 3], [-8, 2], [-11, 1]]) c.fillRect(x + from, y - 0.75, width, 1.5);
}

function drawCross(c, x, y, r) {
  c.save();
  c.lineCap = "round";
  for (const [style, width] of [[colour.paper, 4.5], [colour.avoid, 2]]) {
    c.strokeStyle = style;
    c.lineWidth = width;
    c.beginPath();
    c.moveTo(x - r, y - r); c.lineTo(x + r, y + r);
    c.moveTo(x + r, y - r); c.lineTo(x - r, y + r);
    c.stroke();
  }
  c.restore();
}

function drawWarning(c, x, y) {
  c.save();
  c.fillStyle = colour.avoid;
  c.strokeStyle = colour.avoid;
  c.lineJoin = "round";
  c.lineWidth = 2;
  c.beginPath();
  c.moveTo(x, y - 5); c.lineTo(x + 5, y + 4); c.lineTo(x - 5, y + 4);
  c.closePath();
  c.fill();
  c.stroke();
  c.fillStyle = colour.paper;
  c.fillRect(x - 0.8, y - 3, 1.6, 4);
  c.fillRect(x - 0.8, y + 2, 1.6, 1.6);
  c.restore();
}
