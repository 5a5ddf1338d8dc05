// The lanes in words: a table for readers and screen readers. Filled when it is opened, and when the filter changes.

const TABLE_MOST = 500;
const HEADS = ["connection", "origin", "opened", "why it was opened", "handshake", "requests", "lived", "end",
  "ended by", "verdict"];

function fillTable() {
  if (!$("text").open) return;
  const listed = shownList.slice(0, TABLE_MOST);
  const more = shownList.length - listed.length;
  $("text-note").textContent = more > 0
    ? `The first ${grouped(listed.length)} of ${grouped(shownList.length)} connections; the filter reaches the other `
      + `${grouped(more)}.`
    : `${counted(shownList.length, "connection")}${shownList.length < conns.count ? ", filtered" : ""}.`;
  const head = make("tr", {}, ...HEADS.map((name) => make("th", { scope: "col" }, name)));
  $("table").replaceChildren(make("caption", { class: "away" }, "Connections in the order of their opening"),
    make("thead", {}, head), make("tbody", {}, ...listed.map(tableRow)));
}

function tableRow(c) {
  const cells = [
    report.origins[conns.origin[c]].name,
    isOlder(c) ? "before" : at(conns.dialed[c]),
    text[conns.missText[c]] ?? text[conns.miss[c]] ?? "",
    isOlder(c) ? "–" : duration(conns.opened[c] - conns.dialed[c]),
    grouped(servedCount(c)),
    duration(connUntil(c) - conns.opened[c]),
    conns.end[c] < 0 ? STILL_OPEN : text[conns.reason[c]],
    text[conns.by[c]] ?? "",
    verdictOf(c),
  ];
  const open = make("button", { type: "button", class: "link", onclick: () => openFromTable(c) }, nameOf(c));
  return make("tr", { class: necessityOf(c) }, make("th", { scope: "row" }, open),
    ...cells.map((cell) => make("td", {}, cell)));
}

function verdictOf(c) {
  const blame = blameOf(c);
  if (!blame) return necessityOf(c);
  const earlier = blame.earlier < 0 ? "" : `, instead of ${nameOf(blame.earlier)}`;
  return `${isAvoidable(c) ? "⚠ " : ""}${necessityOf(c)}: ${blame.cause}${earlier}`;
}

function openFromTable(c) {
  $("stage").scrollIntoView({ block: "nearest" });
  select(c, { open: true, travel: true });
}
