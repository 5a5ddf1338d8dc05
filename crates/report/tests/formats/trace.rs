//! The trace: what Perfetto's trace processor finds in it, by SQL, and that nothing in it leaves its place.

use std::collections::{BTreeMap, HashMap};
use std::slice;

use keepwarm_core::event::Protocol;
use keepwarm_core::reason::CloseReason;
use keepwarm_report::{Log, Report, trace};
use serde_json::Value;

use crate::samples::{self, Story};
use crate::{runs, tools};

fn trace_of(report: &Report) -> String {
    let mut bytes = Vec::new();
    trace::write(report, &mut bytes).expect("memory");
    String::from_utf8(bytes).expect("text")
}

fn of_logs(logs: &[Log]) -> (Report, String) {
    let report = Report::of(logs);
    let trace = trace_of(&report);
    (report, trace)
}

fn events(trace: &str) -> Vec<Value> {
    let trace: Value = serde_json::from_str(trace).expect("JSON");
    trace["traceEvents"].as_array().expect("a list").clone()
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or("")
}

fn time(event: &Value, field: &str) -> u64 {
    event[field].as_u64().unwrap_or_else(|| panic!("{event}"))
}

/// Holds for every trace, whatever happened: slices of a thread nest, what begins ends, counters go forward in time and
/// are never below zero, flows begin before they end, and all that is spoken of has a name.
fn check(trace: &str) {
    let events = events(trace);
    let of_kind = |ph: &'static str| events.iter().filter(move |it| text(it, "ph") == ph);
    let named = |what: &'static str| {
        let names = of_kind("M").filter(move |it| text(it, "name") == what);
        names
            .map(|it| (it["pid"].clone(), it["tid"].clone()))
            .collect::<Vec<_>>()
    };
    let (processes, threads) = (named("process_name"), named("thread_name"));
    // A thread with the number of a process would be shown as its main one.
    let is_thread = |pid: &Value| threads.iter().any(|it| it.1 == *pid);
    assert!(!processes.iter().any(|it| is_thread(&it.0)));
    for event in &events {
        let (pid, tid) = (event["pid"].clone(), event["tid"].clone());
        assert!(processes.iter().any(|it| it.0 == pid), "{event}");
        assert!(tid.is_null() || threads.contains(&(pid, tid)), "{event}");
    }
    let mut open: HashMap<String, Vec<(u64, u64)>> = HashMap::new();
    let mut slices: Vec<&Value> = of_kind("X").collect();
    slices.sort_by_key(|it| time(it, "ts"));
    for slice in slices {
        let stack = open.entry(slice["tid"].to_string()).or_default();
        let (from, until) = (time(slice, "ts"), time(slice, "ts") + time(slice, "dur"));
        stack.retain(|(_, end)| *end > from || *end == until);
        if let Some((_, end)) = stack.last() {
            assert!(until <= *end, "it leaves the slice around it: {slice}");
        }
        stack.push((from, until));
    }
    let own = |event| (text(event, "cat"), time(event, "id"));
    let mut begun: BTreeMap<(&str, u64), Vec<&Value>> = BTreeMap::new();
    for event in &events {
        match text(event, "ph") {
            "b" => begun.entry(own(event)).or_default().push(event),
            "e" => {
                let begin = begun.get_mut(&own(event)).and_then(Vec::pop);
                let begin = begin.unwrap_or_else(|| panic!("not begun: {event}"));
                assert_eq!(text(begin, "name"), text(event, "name"));
                assert!(time(begin, "ts") <= time(event, "ts"));
            }
            _ => {}
        }
    }
    assert!(begun.values().all(Vec::is_empty), "{begun:?}");
    let mut counters: HashMap<(u64, String), u64> = HashMap::new();
    for event in of_kind("C") {
        let series = event["args"].as_object().expect("a number");
        assert!(
            series.len() == 1 && series.values().all(Value::is_u64),
            "{event}"
        );
        let names: Vec<&String> = series.keys().collect();
        let last = (counters.entry((time(event, "pid"), names[0].clone()))).or_default();
        assert!(*last <= time(event, "ts"), "{event}");
        *last = time(event, "ts");
    }
    let ends: Vec<&Value> = of_kind("f").collect();
    for begin in of_kind("s") {
        let mine = |it: &&&Value| it["id"] == begin["id"];
        let end = ends.iter().find(mine).expect("an end of the flow");
        assert!(time(begin, "ts") <= time(end, "ts") && begin["tid"] != end["tid"]);
    }
    assert_eq!(ends.len(), of_kind("s").count());
}

/// Nothing was lost in reading, and each slice lies within the one around it.
const COMPLAINTS: &str =
    "select name, value from stats where severity in ('error', 'data_loss') and value > 0";
const OUTSIDE: &str = "select child.name from slice child join slice parent on child.parent_id = parent.id \
    where child.ts < parent.ts or child.ts + child.dur > parent.ts + parent.dur";
/// Which categories lie in which.
const NESTING: &str = "select distinct child.category, ifnull(parent.category, '') from slice child \
    left join slice parent on child.parent_id = parent.id order by 1, 2";

fn row(values: &[&str]) -> Vec<Value> {
    values.iter().map(|it| Value::from(*it)).collect()
}

/// What is asked of a trace of real calls.
const REAL: &[&str] = &[
    COMPLAINTS,
    OUTSIDE,
    NESTING,
    "select count(*) from thread where name glob '#* :*→127.0.0.1:* h1'",
    "select count(*) from process where name glob 'http://127.0.0.1:*'",
    "select count(*) from slice where category = 'connection'",
    "select count(*) from slice where category = 'request'",
    "select count(*) from slice where category = 'end'",
    "select count(*) from slice where category = 'avoidable'",
    "select count(*) from flow",
    "select name, max(value) from counter join process_counter_track t on t.id = track_id \
     group by name order by name",
    "select distinct value from counter c \
     where ts = (select max(ts) from counter last where last.track_id = c.track_id)",
    "select extract_arg(arg_set_id, 'args.close_reason') from slice where category = 'connection' \
     group by 1 order by 1",
];

#[test]
fn perfetto_finds_the_connections_and_requests_of_real_calls() {
    let report = runs::many().report();
    let trace = trace_of(&report);
    check(&trace);
    let answers = tools::ask_perfetto(&trace, REAL);
    let mut answers = answers.into_iter();
    let mut next = || answers.next().expect("an answer");
    assert_eq!(next(), Vec::<Vec<Value>>::new());
    assert_eq!(next(), Vec::<Vec<Value>>::new());
    let nesting = [
        // It stands where the opening begins.
        ["avoidable", "opening"],
        ["connection", ""],
        ["end", ""],
        ["forced", "opening"],
        ["idle", "connection"],
        ["opening", "connection"],
        ["phase", "request"],
        ["queue", ""],
        ["request", "connection"],
    ];
    assert_eq!(next(), nesting.map(|it| row(&it)));
    let count = |it: usize| vec![vec![Value::from(it)]];
    let connections = &report.connections;
    assert_eq!(next(), count(connections.len()));
    assert_eq!(next(), count(report.origins.len()));
    assert_eq!(next(), count(connections.len()));
    let served = report.exchanges.iter().filter(|it| it.connection.is_some());
    assert_eq!(next(), count(served.count()));
    let ended = connections.iter().filter(|it| it.end.is_some());
    assert_eq!(next(), count(ended.count()));
    let avoidable = usize::try_from(report.avoidable()).expect("few");
    assert!(avoidable > 2, "{avoidable}");
    assert_eq!(next(), count(avoidable));
    // The one request that was sent again.
    assert_eq!(next(), count(1));
    let counters = next();
    let names: Vec<&str> = counters.iter().filter_map(|it| it[0].as_str()).collect();
    assert_eq!(
        names,
        ["calls waiting", "connections idle", "connections open"]
    );
    // Six calls at once on two connections.
    assert!(counters[0][1].as_f64() >= Some(4.0), "{counters:?}");
    assert_eq!(counters[2][1], 2.0);
    // In the end all are closed.
    assert_eq!(next(), [[0.0]]);
    let reasons = next();
    for reason in [
        "peer-closed-idle",
        "peer-said-close",
        "cancelled",
        "shut-down",
    ] {
        assert!(reasons.contains(&row(&[reason])), "{reasons:?}");
    }
}

#[test]
fn perfetto_shows_an_encrypted_connection_as_it_was() {
    let (_, trace) = of_logs(&[samples::encrypted()]);
    check(&trace);
    let answers = tools::ask_perfetto(
        &trace,
        &[
            COMPLAINTS,
            "select thread.name, slice.name, (slice.ts - trace_start()) / 1000, dur / 1000, depth from slice \
             join thread_track on track_id = thread_track.id join thread using (utid) \
             where category not in ('avoidable', 'forced', 'end') and thread.name glob '#1 *' order by slice.ts, depth",
            // Perfetto binds a flow to the innermost slice that begins there.
            "select a.name, a.ts, b.name, b.ts from flow join slice s on s.id = slice_out \
             join slice a on a.id = s.parent_id join slice f on f.id = slice_in join slice b on b.id = f.parent_id",
        ],
    );
    assert!(answers[0].is_empty(), "{:?}", answers[0]);
    let slices: Vec<(&str, u64, u64, u64)> = answers[1]
        .iter()
        .map(|row| {
            assert_eq!(row[0], "#1 :51422→203.0.113.7:443 h1 TLS 1.3");
            let number = |at: usize| row[at].as_u64().expect("a number");
            (
                row[1].as_str().expect("a name"),
                number(2),
                number(3),
                number(4),
            )
        })
        .collect();
    // From the first event on, which is the first call, at 1 000.
    assert_eq!(
        slices,
        [
            ("connection", 100, 245_200, 0),
            ("dns", 100, 200, 1),
            ("tcp", 300, 1_000, 1),
            ("tls", 1_300, 3_000, 1),
            ("idle", 4_350, 50, 1),
            ("GET /a?key=*&*", 4_400, 20_600, 1),
            ("send", 4_400, 100, 2),
            ("wait", 4_500, 20_000, 2),
            ("receive", 24_500, 500, 2),
            ("idle", 25_000, 100_003, 1),
            ("GET /b", 125_003, 20_097, 1),
            ("send", 125_003, 97, 2),
            ("wait", 125_100, 20_000, 2),
            ("idle", 145_100, 100_003, 1),
            ("GET /c", 245_103, 197, 1),
            ("send", 245_103, 97, 2),
            ("wait", 245_200, 100, 2),
        ]
    );
    // The request that lost its connection goes on with the next one.
    let flow = &answers[2];
    assert_eq!(flow.len(), 1);
    assert_eq!(
        (&flow[0][0], &flow[0][2]),
        (&Value::from("GET /c"), &Value::from("GET /c"))
    );
    assert!(flow[0][1].as_u64() < flow[0][3].as_u64());
}

#[test]
fn perfetto_shows_requests_of_http2_side_by_side() {
    for (logs, count) in [(vec![samples::shared()], 3), (vec![runs::http2().log], 6)] {
        let (_, trace) = of_logs(&logs);
        check(&trace);
        let answers = tools::ask_perfetto(
            &trace,
            &[
                COMPLAINTS,
                OUTSIDE,
                "select count(distinct track_id), count(*) from slice where name = '#1 stream'",
                "select count(*) from slice s join slice p on s.parent_id = p.id \
                 where s.name glob 'GET /*' and p.name = '#1 stream'",
                "select count(*) from slice s join slice p on s.parent_id = p.id where s.name = 'wait' \
                 and p.name glob 'GET /*'",
                "select s.name from slice s join thread_track t on t.id = track_id \
                 where s.category in ('connection', 'idle') and dur > 0 group by 1 order by 1",
            ],
        );
        assert!(
            answers[0].is_empty() && answers[1].is_empty(),
            "{answers:?}"
        );
        assert_eq!(answers[2][0][1], count);
        assert_eq!(answers[3][0][0], count);
        assert_eq!(answers[4][0][0], count);
        assert_eq!(answers[5], [row(&["connection"]), row(&["idle"])]);
    }
}

#[test]
fn sources_and_clients_are_told_apart() {
    let mut story = Story::new("one", "https://api.example");
    for client in [1, 2] {
        story.client(client);
        story.call(0, 1, "/");
        story.opened(100, 1, Protocol::H1, [0, 50, 50]);
        story.taken(100, 1, 1, 1, None);
        story.ended(200, 1, 1);
    }
    let (report, trace) = of_logs(&[story.end(), samples::shared().clone()]);
    check(&trace);
    let answers = tools::ask_perfetto(
        &trace,
        &[
            COMPLAINTS,
            "select name from process where name is not null order by name",
            "select name from thread where name glob '*#*' order by name",
            "select count(distinct utid) from thread_track join slice on slice.track_id = thread_track.id",
        ],
    );
    assert!(answers[0].is_empty(), "{:?}", answers[0]);
    let names = ["h2 https://api.example", "one https://api.example"];
    assert_eq!(answers[1], names.map(|it| row(&[it])));
    let end = ":51422→203.0.113.7:443";
    let names = [
        format!("#1 {end} h2 TLS 1.3"),
        format!("client 1 #1 {end} h1 TLS 1.3"),
        format!("client 2 #1 {end} h1 TLS 1.3"),
    ];
    assert_eq!(answers[2], names.map(|it| row(&[&it])));
    assert_eq!(answers[3][0][0], report.connections.len());
}

/// The slices of one name or category, as (from, length).
fn spans(trace: &str, field: &str, value: &str) -> Vec<(u64, u64)> {
    let events = events(trace);
    let mine = events.iter().filter(|it| it[field] == value);
    let mut begun = None;
    let mut spans = Vec::new();
    for event in mine {
        let at = time(event, "ts");
        match text(event, "ph") {
            "X" => spans.push((at, time(event, "dur"))),
            "b" => begun = Some(at),
            _ => spans.extend(begun.take().map(|from| (from, at - from))),
        }
    }
    spans
}

#[test]
fn a_shared_connection_is_idle_when_nobody_is_on_it() {
    let (_, trace) = of_logs(&[samples::shared()]);
    assert_eq!(
        spans(&trace, "name", "idle"),
        [(1_010, 10), (12_000, 8_000)]
    );
}

#[test]
fn a_call_that_waited_is_in_the_queue_and_one_that_took_an_idle_connection_is_not() {
    let mut story = Story::new("queue", "http://api.example");
    story.call(0, 1, "/opens");
    story.opened(100, 1, Protocol::H1, [0, 90, 0]);
    story.taken(100, 1, 1, 1, None);
    story.call(200, 2, "/waits");
    story.ended(1_000, 1, 1);
    // Given to it as it came back.
    story.taken(1_004, 2, 1, 2, Some(4));
    story.ended(2_000, 2, 1);
    story.call(3_000, 3, "/takes");
    story.taken(3_005, 3, 1, 3, Some(1_005));
    story.ended(4_000, 3, 1);
    let (_, trace) = of_logs(&[story.end()]);
    assert_eq!(spans(&trace, "cat", "queue"), [(0, 100), (200, 804)]);
}

#[test]
fn what_is_said_to_a_proxy_comes_before_tls() {
    let mut story = Story::new("proxy", "https://api.example");
    story.via("http://proxy:3128");
    story.dial(0, 1);
    story.opened(5_000, 1, Protocol::H1, [100, 900, 3_000]);
    let (_, trace) = of_logs(&[story.end()]);
    let opening = [(0, 100), (100, 900), (2_000, 3_000)];
    assert_eq!(spans(&trace, "cat", "opening"), opening);
}

/// Clocks of threads that differ by a hair, and files that somebody edited.
#[test]
fn slices_nest_also_when_events_contradict_each_other() {
    let mut story = Story::new("odd", "https://api.example");
    story.call(100, 1, "/1");
    story.dial(100, 1);
    // Longer steps than the whole, the next request before the end of the one before, an end after the connection's.
    story.opened(200, 1, Protocol::H1, [900, 900, 900]);
    story.taken(150, 1, 1, 1, None);
    story.head(160, 1, 1);
    story.sent(300, 1, 1);
    story.call(380, 2, "/2");
    story.taken(390, 2, 1, 2, Some(5));
    story.ended(400, 1, 1);
    story.closed(450, 1, CloseReason::ShutDown);
    story.ended(500, 2, 1);
    let (_, trace) = of_logs(&[story.end()]);
    check(&trace);
    let answers = tools::ask_perfetto(&trace, &[COMPLAINTS, OUTSIDE]);
    assert!(answers.iter().all(Vec::is_empty), "{answers:?}");
}

#[test]
fn a_trace_of_nothing_is_one() {
    let trace = trace_of(&Report::default());
    check(&trace);
    let answers = tools::ask_perfetto(&trace, &[COMPLAINTS, "select count(*) from slice"]);
    assert!(answers[0].is_empty(), "{:?}", answers[0]);
    assert_eq!(answers[1], [[0]]);
}

#[test]
fn a_trace_holds_no_value_of_a_query() {
    let log = samples::encrypted();
    let (_, trace) = of_logs(slice::from_ref(&log));
    assert!(!trace.contains("secret"));
    assert!(trace_of(&Report::with_queries(&[log])).contains("key=secret"));
}
