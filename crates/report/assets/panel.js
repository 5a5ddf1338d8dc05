// The details of one connection, beside the lanes.

const LIFE_LEAST = 200;     // entries of a life that are listed at once

function openPanel(c) {
  fillPanel(c);
  const panel = $("panel");
  panel.hidden = false;
  panel.focus({ preventScroll: true });
  // Beside the lanes it is seen at once; below them, on a narrow screen, one has to be taken there.
  if (getComputedStyle(panel.parentElement).position === "static") panel.scrollIntoView({ block: "nearest" });
  else panel.parentElement.scrollTop = 0;
}

function closePanel() {
  const panel = $("panel");
  if (panel.hidden) return;
  const inside = panel.contains(document.activeElement);
  panel.hidden = true;
  if (inside) lanesCanvas.focus({ preventScroll: true });
}

function laneLink(c) {
  return make("button", { class: "link", type: "button", onclick: () => select(c, { open: true, travel: true }) },
    nameOf(c));
}

function facts(pairs) {
  const list = make("dl", { class: "facts" });
  for (const [name, ...value] of pairs) {
    if (value.every((it) => !it)) continue;
    list.append(make("dt", {}, name), make("dd", {}, ...value));
  }
  return list;
}

function phaseBar(parts, kind) {
  const bar = make("div", { class: `phases ${kind}` });
  const total = parts.reduce((sum, [, us]) => sum + us, 0);
  for (const [name, us] of parts) {
    const part = make("span", { class: `part ${name}` }, `${name} ${duration(us)}`);
    part.style.flexGrow = total > 0 ? Math.max(us / total, 0.001) : 1;
    bar.append(part);
  }
  return bar;
}

function tlsInWords(c) {
  if (!hasTls(c) && conns.tlsVersion[c] < 0) return "none";
  const resumed = conns.resumed[c] === 1 ? "session resumed" : "full handshake";
  return [`TLS ${text[conns.tlsVersion[c]] ?? ""}`.trim(), text[conns.cipher[c]], resumed,
    text[conns.alpn[c]] && `ALPN ${text[conns.alpn[c]]}`, text[conns.serverName[c]]].filter(Boolean).join(" · ");
}

function blameSentence(c) {
  const blame = blameOf(c);
  if (!blame) return null;
  const cause = findingLink(blame.cause, conns.origin[c]);
  if (blame.earlier < 0) return make("p", { class: "blame" }, "No connection could serve this: ", cause);
  return make("p", { class: "blame" }, laneLink(blame.earlier), " should have served this: ", cause);
}

function findingLink(cause, origin) {
  const about = (it) => it.cause === cause && (it.origin === null || it.origin === origin);
  const f = report.findings.findIndex(about);
  if (f < 0) return make("code", {}, cause);
  return make("button", { class: "link", type: "button", onclick: () => showFinding(f) }, cause);
}

function fillPanel(c) {
  const panel = $("panel");
  const share = useShare(c);
  const needed = make("p", { class: `necessity ${necessityOf(c)}` },
    isOlder(c) ? OLDER : NECESSITY[necessityOf(c)]);
  const header = make("header", {},
    make("h2", { id: "panel-title" }, `Connection ${nameOf(c)}`),
    make("button", { class: "close", type: "button", "aria-label": "Close details", onclick: closePanel }, "×"));
  panel.replaceChildren(header, make("p", { class: "where" }, report.origins[conns.origin[c]].name), needed,
    ...[blameSentence(c)].filter(Boolean),
    facts([
      [isOlder(c) ? "first seen" : "opened", `${at(conns.dialed[c])} · ${day(conns.dialed[c])} ${wall(conns.dialed[c], EXACT)} UTC`],
      ["why", isOlder(c) ? "" : text[conns.missText[c]] ?? text[conns.miss[c]] ?? "not told"],
      ["took", isOlder(c) ? "" : duration(conns.opened[c] - conns.dialed[c])],
      ["protocol", text[conns.protocol[c]] ?? ""],
      ["TLS", tlsInWords(c)],
      ["from", text[conns.local[c]] ?? ""],
      ["to", text[conns.remote[c]] ?? ""],
      ["through", text[conns.via[c]] ?? ""],
      ["source", manySources ? report.sources[conns.source[c]].name : ""],
      ["requests", grouped(servedCount(c))],
      ["lived", `${duration(connUntil(c) - conns.opened[c])}${share === null ? "" : `, ${percent(share)} in use`}`],
    ]),
    isOlder(c) ? "" : phaseBar(handshakeOf(c), isAvoidable(c) ? "avoid" : "dial"),
    endFacts(c), make("h3", {}, "Its life"), lifeList(c, LIFE_LEAST));
}

function endFacts(c) {
  if (conns.end[c] < 0) return make("p", { class: "end" }, "Still open when the report ends.");
  const by = text[conns.by[c]];
  return make("div", { class: "end" }, make("h3", {}, `${CLOSERS[by]?.sign ?? "■"} The end`),
    facts([
      ["when", at(conns.end[c])],
      ["who", CLOSERS[by]?.name ?? by],
      ["how", HOW[text[conns.how[c]]] ?? text[conns.how[c]]],
      ["during", DURING[conns.during[c]] ?? ""],
      ["why", text[conns.endText[c]]],
      ["reason", make("code", {}, text[conns.reason[c]])],
    ]));
}

function lifeList(c, limit) {
  const list = make("ol", { class: "life" });
  if (isOlder(c)) list.append(lifeEntry(conns.opened[c], "begin", "first seen"));
  else list.append(lifeEntry(conns.dialed[c], "begin", "opening begins"), lifeEntry(conns.opened[c], "begin", "open"));
  const from = served.first[c], to = served.first[c + 1];
  let until = conns.opened[c];
  for (let i = from; i < Math.min(to, from + limit); i += 1) {
    const e = served.items[i];
    if (stack.rows[c] === 1 && exchFrom(e) - until > 0 && i > from) {
      list.append(make("li", { class: "gap" }, make("span", {}, `idle ${duration(exchFrom(e) - until)}`)));
    }
    list.append(exchangeEntry(e));
    until = Math.max(until, exchUntil(e));
  }
  if (to - from > limit) {
    list.append(make("li", { class: "more" }, make("button", {
      type: "button", onclick: () => list.replaceWith(lifeList(c, limit * 10)),
    }, `${counted(to - from - limit, "more request")}`)));
  } else if (conns.end[c] >= 0) {
    if (conns.end[c] - until > 0) {
      list.append(make("li", { class: "gap" }, make("span", {}, `idle ${duration(conns.end[c] - until)}`)));
    }
    list.append(lifeEntry(conns.end[c], "end", `ended: ${text[conns.reason[c]]}`));
  }
  return list;
}

function lifeEntry(time, kind, words) {
  return make("li", { class: kind }, make("time", {}, at(time)), make("span", {}, words));
}

function exchangeEntry(e) {
  const verdict = text[exchs.verdictText[e]] ?? text[exchs.verdict[e]];
  const notes = [verdict, repeatOf(e), retryOf(e)].filter(Boolean).join(" · ");
  const failed = exchs.outcome[e] === FAILED;
  return make("li", { class: `request${failed ? " failed" : ""}${e === view.exchange ? " now" : ""}` },
    make("time", {}, at(exchFrom(e))),
    make("button", { type: "button", class: "link", onclick: () => showExchange(e) },
      `${failed ? "✕ " : ""}${lineOf(e)}`),
    make("span", { class: "status" }, `${outcomeOf(e)} · ${duration(exchUntil(e) - exchFrom(e))}`),
    notes ? make("p", { class: "notes" }, notes) : null);
}

function showExchange(e) {
  view.exchange = e;
  const c = exchs.connection[e];
  if (c >= 0) { view.selected = c; reveal(c); }
  bringIntoWindow(exchs.asked[e], exchUntil(e));
  redraw();
  requestAnimationFrame(() => showTipAt(e));
}
