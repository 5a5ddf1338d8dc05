// What is said about a connection and an exchange, in tip, panel and table. Sentences that the report brings are not
// made again here.

const HOW = {
  closed: "closed by us", failed: "the socket failed", fin: "FIN or close_notify from the peer",
  "go-away": "GOAWAY from the peer", reset: "reset by the peer",
};
const OLDER = "opened before the report begins";
const NECESSITY = {
  avoidable: "avoidable: an earlier connection should have served",
  forced: "necessary: the server ends connections by a rule of its own",
  needed: "necessary",
};

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  // Strings become text nodes: nothing from the network is ever read as markup.
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const statusOf = (e) => (exchs.status[e] < 0 ? "" : String(exchs.status[e]));
const ordinal = (n) => `${n}${["th", "st", "nd", "rd"][n % 100 > 10 && n % 100 < 14 ? 0 : Math.min(n % 10, 4) % 4]}`;
const lineOf = (e) => `${text[exchs.method[e]]} ${text[exchs.target[e]]}`;

function outcomeOf(e) {
  if (exchs.outcome[e] === RUNNING) return "still running";
  if (exchs.outcome[e] === FAILED) return statusOf(e) ? `${statusOf(e)}, then failed` : "failed";
  return statusOf(e);
}

// The phases of an exchange, in order: name, length.
function phasesOf(e) {
  const list = [];
  const marks = [["queue", exchs.asked[e], exchs.taken[e]], ["send", exchs.taken[e], exchs.sent[e]],
    ["wait", exchs.sent[e], exchs.head[e]], ["receive", exchs.head[e], exchs.ended[e]]];
  for (const [name, from, to] of marks) {
    if (from >= 0 && to >= 0) { if (to > from || name !== "queue") list.push([name, Math.max(to - from, 0)]); }
    else if (from >= 0) {
      const until = exchUntil(e);
      list.push([name, Math.max(until - from, 0), exchs.outcome[e] === FAILED ? "until it failed" : "so far"]);
      break;
    }
  }
  return list;
}

function useOf(e) {
  if (exchs.connection[e] < 0) return "got no connection";
  const nth = exchs.nth[e] > 0 ? `${ordinal(exchs.nth[e])} request on ${nameOf(exchs.connection[e])}`
    : `on ${nameOf(exchs.connection[e])}`;
  return exchs.idle[e] < 0 ? nth : `${nth}, after ${duration(exchs.idle[e])} idle`;
}

function retryOf(e) {
  const kind = text[exchs.retry[e]];
  if (retries.next.has(e)) {
    const repeat = retries.next.get(e);
    const where = exchs.connection[repeat] < 0 ? "" : ` on ${nameOf(exchs.connection[repeat])}`;
    return `sent again${where}${kind ? ` (${kind})` : ""}`;
  }
  if (exchs.again[e]) return `sent again${kind ? ` (${kind})` : ""}`;
  return kind ? `not sent again (${kind})` : "";
}

const repeatOf = (e) => (retries.before.has(e) ? "repeats a request that failed" : "");

function exchangeInWords(e) {
  const phases = phasesOf(e).map(([name, us, note]) => `${name} ${duration(us)}${note ? ` ${note}` : ""}`);
  return [`${lineOf(e)}: ${outcomeOf(e)}`, useOf(e), ...phases, text[exchs.verdictText[e]], retryOf(e)]
    .filter(Boolean).join("; ");
}

function endInWords(c) {
  if (conns.end[c] < 0) return STILL_OPEN;
  const closer = CLOSERS[text[conns.by[c]]];
  return `${closer ? closer.name : text[conns.by[c]]}: ${text[conns.endText[c]]}`;
}

function lifeInWords(c) {
  const wait = conns.opened[c] - conns.dialed[c];
  const begin = isOlder(c) ? OLDER : `opened at ${at(conns.dialed[c])} in ${duration(wait)}`;
  return `${begin}, ${counted(servedCount(c), "request")}, `
    + `${isAvoidable(c) ? "avoidable, " : ""}${endInWords(c)}`;
}

function blameOf(c) {
  if (!causeOf(c)) return null;
  return { cause: causeOf(c), earlier: conns.earlier[c] };
}

function handshakeOf(c) {
  const parts = [["dns", conns.dns[c]], ["connect", conns.connect[c]]];
  if (hasTls(c)) parts.push(["tls", conns.tls[c]]);
  return parts;
}

// How long connection c was of use: the share of its life with an exchange under way.
function useShare(c) {
  const ups = [], downs = [];
  inUse(c, ups, downs);
  const used = downs.reduce((sum, until, i) => sum + until - ups[i], 0);
  const life = connUntil(c) - conns.opened[c];
  return life > 0 ? Math.min(used / life, 1) : null;
}
