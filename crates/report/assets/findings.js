// The findings, the worst first: what, evidence, cure, check; each leads to its lanes.

const SEVERITY = { high: "▲▲", medium: "▲", low: "△", info: "ℹ" };

function fillFindings() {
  const box = $("findings");
  box.append(make("h2", { id: "findings-title" }, "Findings"));
  if (report.findings.length === 0) {
    const well = conns.count > 0 && report.origins.every((origin) => origin.avoidable === 0);
    box.append(make("p", { class: "note" }, well ? "None: connections were used as well as they can be." : "None."));
    return;
  }
  report.findings.forEach((finding, f) => box.append(findingCard(finding, f)));
}

function findingCard(finding, f) {
  const card = make("details", { class: `finding ${finding.severity}`, id: `finding-${f}` });
  card.open = f === 0;
  const origin = finding.origin === null ? null : report.origins[finding.origin];
  const cost = finding.openings > 0
    ? `${counted(finding.openings, "connection")} · ${duration(finding.wasted_us)} of handshakes` : "";
  card.append(make("summary", {},
    make("span", { class: "sign", "aria-hidden": "true" }, SEVERITY[finding.severity] ?? ""),
    make("span", { class: "heading" },
      make("span", { class: "cause" }, finding.cause),
      make("span", { class: "severity" }, finding.severity),
      make("span", { class: "summary" }, ...inline(finding.summary)))));
  const body = make("div", { class: "body" });
  if (origin && report.origins.length > 1) body.append(make("p", { class: "where" }, origin.name));
  if (cost) body.append(make("p", { class: "cost" }, cost));
  if (finding.connections.length > 0) body.append(lanesButton(finding, f));
  if (finding.evidence.length > 0) {
    body.append(make("h3", {}, "Evidence"),
      make("ul", { class: "evidence" }, ...finding.evidence.map((line) => make("li", {}, ...inline(line)))));
  }
  if (finding.cures.length > 0) body.append(make("h3", {}, "Cure"), cureTabs(finding, f));
  if (finding.check) {
    body.append(make("h3", {}, "See it yourself"), ...prose(finding.check));
  }
  body.append(make("p", { class: "page" }, "More: ", make("code", {}, `docs/causes/${finding.cause}.md`)));
  card.append(body);
  return card;
}

function lanesButton(finding, f) {
  return make("button", {
    type: "button", class: "show", "aria-pressed": "false", "data-finding": String(f),
    onclick: () => (view.finding === f ? showFinding(NONE) : showFinding(f)),
  }, lanesWords(finding, false));
}

function lanesWords(finding, pressed) {
  if (pressed) return "Show all lanes alike";
  const count = finding.connections.length;
  return `Show ${count === 1 ? "its lane" : `its ${grouped(count)} lanes`}`;
}

// Marks the lanes of a finding, dims the others, and goes to the first; NONE: marks nothing.
function showFinding(f) {
  view.finding = f;
  markFinding();
  if (f === NONE) { redraw(); rememberSoon(); return; }
  const card = $(`finding-${f}`);
  card.open = true;
  const list = report.findings[f].connections;
  if (list.length > 0) select(list[0]);
  const from = Math.min(...list.map((c) => conns.dialed[c])), to = Math.max(...list.map((c) => connUntil(c)));
  if (list.length > 0 && (from > view.to || to < view.from)) bringIntoWindow(from, to);
  card.scrollIntoView({ block: "nearest" });
  announce(`${counted(list.length, "lane")} of ${report.findings[f].cause} marked`);
}

function markFinding() {
  for (const button of document.querySelectorAll(".show")) {
    const pressed = Number(button.dataset.finding) === view.finding;
    button.setAttribute("aria-pressed", String(pressed));
    button.textContent = lanesWords(report.findings[button.dataset.finding], pressed);
  }
  for (const card of document.querySelectorAll(".finding")) {
    card.classList.toggle("marked", card.id === `finding-${view.finding}`);
  }
}

function cureTabs(finding, f) {
  const box = make("div", { class: "cures" });
  const tabs = make("div", { role: "tablist", "aria-label": "Software" });
  const bodies = finding.cures.map((cure, i) => {
    const id = `cure-${f}-${i}`;
    tabs.append(make("button", {
      type: "button", role: "tab", id: `${id}-tab`, "aria-controls": id, onclick: () => choose(i),
    }, cure.product));
    return make("div", { role: "tabpanel", id, "aria-labelledby": `${id}-tab` },
      ...prose(cure.text), cure.snippet ? snippet(cure.snippet) : null);
  });
  const choose = (chosen, focus) => bodies.forEach((body, i) => {
    body.hidden = i !== chosen;
    const tab = tabs.children[i];
    tab.setAttribute("aria-selected", String(i === chosen));
    tab.tabIndex = i === chosen ? 0 : -1;
    if (i === chosen && focus) tab.focus();
  });
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const now = [...tabs.children].findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    choose((now + step + bodies.length) % bodies.length, true);
    event.preventDefault();
  });
  choose(0);
  box.append(tabs, ...bodies);
  return box;
}

function snippet(code, kind = "") {
  const button = make("button", { type: "button", class: "copy", onclick: () => copy(code, button) }, "Copy");
  return make("div", { class: `snippet ${kind}` }, make("pre", { tabindex: "0" }, make("code", {}, code)), button);
}

async function copy(code, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(code);
  } catch {
    // A page from a file may have no clipboard: the old way through a selection.
    const area = make("textarea", { class: "away" }, code);
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  button.textContent = done ? "Copied" : "Not allowed";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
