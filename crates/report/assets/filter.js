// The filter, and what of the view is kept in the address, so that a link shows what its sender saw.

function options(select, all, values) {
  select.replaceChildren(make("option", { value: "" }, all),
    ...values.map(([value, words]) => make("option", { value }, words)));
  select.parentElement.hidden = values.length === 0;
}

function fillFilter() {
  const ends = new Map(), causes = new Map();
  for (let c = 0; c < conns.count; c += 1) {
    const reason = reasonOf(c);
    ends.set(reason, (ends.get(reason) ?? 0) + 1);
    if (causeOf(c)) causes.set(causeOf(c), (causes.get(causeOf(c)) ?? 0) + 1);
  }
  for (const finding of report.findings) if (!causes.has(finding.cause)) causes.set(finding.cause, 0);
  const commonest = (map) => [...map].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  options($("by-origin"), "all origins", report.origins.length > 1
    ? report.origins.map((origin) => [origin.name, origin.name]) : []);
  options($("by-end"), "any end", commonest(ends).map(([reason, count]) =>
    [reason, `${reason === OPEN_END ? STILL_OPEN : reason} (${grouped(count)})`]));
  options($("by-cause"), "any cause", commonest(causes).map(([cause, count]) =>
    [cause, count ? `${cause} (${grouped(count)})` : cause]));
}

const FIELDS = [["origin", "by-origin"], ["end", "by-end"], ["cause", "by-cause"], ["find", "find"]];

function applyFilter() {
  search();
  relane();
  const filtered = Object.values(view.filter).some(Boolean);
  $("clear").hidden = !filtered;
  $("matches").textContent = filtered ? `${grouped(shown)} of ${counted(conns.count, "connection")}` : "";
  fillTable();
}

function filterChanged() {
  for (const [name, id] of FIELDS) view.filter[name] = $(id).value.trim();
  applyFilter();
  scroller.scrollTop = 0;
  rememberSoon();
}

function clearFilter() {
  for (const [name, id] of FIELDS) { view.filter[name] = ""; $(id).value = ""; }
  applyFilter();
  rememberSoon();
}

// ---- the address

let remembering = 0;
function rememberSoon() {
  clearTimeout(remembering);
  remembering = setTimeout(remember, 120);
}

function hashNow() {
  const kept = new URLSearchParams();
  for (const [name] of FIELDS) if (view.filter[name]) kept.set(name, view.filter[name]);
  if (view.selected !== NONE) kept.set("connection", String(view.selected));
  if (view.finding !== NONE) kept.set("finding", String(view.finding));
  if (view.from > 0 || view.to < report.length) {
    kept.set("from", String(Math.round(view.from)));
    kept.set("to", String(Math.round(view.to)));
  }
  return kept.toString();
}

function remember() {
  const hash = hashNow();
  if (hash === location.hash.slice(1)) return;
  try {
    history.replaceState(null, "", hash ? `#${hash}` : "#");
  } catch {
    // Some browsers limit how often, or refuse it for files: the link is then a little older than the view.
  }
}

const within = (value, count) => (Number.isInteger(value) && value >= 0 && value < count ? value : NONE);

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const [name, id] of FIELDS) {
    $(id).value = kept.get(name) ?? "";
    view.filter[name] = $(id).value;
  }
  applyFilter();
  const from = Number(kept.get("from") ?? NaN), to = Number(kept.get("to") ?? NaN);
  if (to > from && from >= 0) setWindow(from, to); else fit();
  view.finding = within(Number(kept.get("finding") ?? NaN), report.findings.length);
  markFinding();
  const c = within(Number(kept.get("connection") ?? NaN), conns.count);
  if (c !== NONE && passes(c)) select(c);
}
