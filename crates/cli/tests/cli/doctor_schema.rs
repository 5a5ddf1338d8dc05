//! What `keepwarm doctor --json` and `keepwarm defaults --json` write, held against their schemas in `docs/`.

use std::fmt::Debug;
use std::io::Read;
use std::thread;
use std::time::Duration;

use keepwarm_doctor::defaults::{Announces, Evidence, Kind, Resends};
use keepwarm_doctor::{
    AfterTheirs, Cause, Confidence, EndedBy, Order, Pipelining, Severity, Situation,
    UnreachableKind, Verdict, snippets,
};
use keepwarm_lab::{Behaviour, ConnectionHeader, Lab, Which, scenario};
use keepwarm_servers::recipes::nginx;
use serde::Serialize;
use serde_json::Value;

use crate::schemas;
use crate::support::{command, interrupt, keepwarm};

const MS: fn(u64) -> Duration = Duration::from_millis;

const DOCTOR: &str = "doctor.schema.json";
const CHAIN: &str = "doctor-chain.schema.json";
const DEFAULTS: &str = "defaults.schema.json";

fn lab(behaviour: Behaviour) -> Lab {
    Lab::spawn_thread(behaviour)
}

/// A server that names itself and has something of everything that can be found in a second.
fn poor() -> Behaviour {
    Behaviour {
        keep_alive: Some("timeout=9, max=50".to_owned()),
        headers: vec![("Server".to_owned(), "nginx/1.28.0".to_owned())],
        max_requests: Some(23),
        ..scenario::idle_timeout(MS(300))
    }
}

fn closing() -> Behaviour {
    Behaviour {
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    }
}

/// What it writes about this URL, or chain, within a second.
fn told(options: &[&str]) -> String {
    told_within("1s", options)
}

fn told_within(time: &str, options: &[&str]) -> String {
    keepwarm(&[&["doctor", "--json", "--wait", time], options].concat()).stdout
}

/// What it writes when it is interrupted while connections wait.
fn told_when_interrupted(lab: &Lab) -> String {
    let mut child = command(&["doctor", "--json", &lab.url("/")])
        .spawn()
        .expect("it starts");
    lab.wait_for_blocking(|transcript| transcript.connections().len() >= 7);
    interrupt(&child);
    let mut said = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(4), "{said}");
    said
}

/// Each document, from examinations side by side.
fn objects(lines: &[String]) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    lines.iter().map(parse).collect()
}

/// How often examinations are made anew that did not see all there is: this machine may have been held up.
const TRIES: usize = 5;

/// Holds what is written against a schema until each of these places was filled: null is held against nothing. A place
/// may have a value behind `=`.
fn assert_valid_and_told(schema: &str, places: &[&str], written: impl Fn() -> Vec<String>) {
    let mut missing = places.to_vec();
    for _ in 0..TRIES {
        let lines = written();
        schemas::assert_valid(schema, &lines.concat());
        let all = objects(&lines);
        missing.retain(|place| !all.iter().any(|it| is_told(it, place)));
        if missing.is_empty() {
            return;
        }
    }
    panic!("not told in {TRIES} tries: {missing:?}");
}

fn is_told(it: &Value, place: &str) -> bool {
    match place.split_once('=') {
        Some((place, wanted)) => it.pointer(place).is_some_and(|it| *it == *wanted),
        None => it.pointer(place).is_some_and(|it| !it.is_null()),
    }
}

/// What is to be told, one time or another.
const PLACES: [&str; 22] = [
    "/verdict=healthy",
    "/verdict=findings",
    "/verdict=unreachable",
    "/verdict=inconclusive",
    "/error/kind",
    "/idle_timeout_ms/value",
    "/idle_timeout_ms/at_least",
    "/silent_drop/first_bad_ms",
    "/max_requests/value",
    "/announced/timeout_s",
    "/error_close/HEAD",
    "/unread_body/0/size",
    "/pipelining",
    "/tls/version",
    "/product/0/confidence",
    "/http2/goaway/code",
    "/http2/goaway/closed_by",
    "/http2/max_concurrent_streams",
    "/findings/0/cause",
    "/client/races_per_million",
    "/recommend/snippets/go",
    "/server_side/0/settings/0/text",
];

#[test]
fn what_the_doctor_writes_is_as_its_schema_says() {
    let healthy = lab(scenario::well_behaved());
    let silent = lab(scenario::silent_drop(MS(300)));
    let (poor, closing, refusing) = (lab(poor()), lab(closing()), lab(scenario::refuse()));
    let nginx = nginx::start_secure("keepalive_timeout 300ms;");
    let certificate = nginx.path("cert.pem");
    let (silent, url) = (silent.url("/"), nginx.secure_url("/"));
    let secure = ["--cacert", &certificate, &url];
    let asked = [
        vec![healthy.url("/")],
        vec![closing.url("/")],
        vec![refusing.url("/")],
        owned(&["--client", "go", "--snippets", "--mine", &poor.url("/")]),
        owned(&secure),
        owned(&[&["--http2-prior-knowledge"], &secure[..]].concat()),
        owned(&[&["--aggressive"], &secure[..]].concat()),
    ];
    assert_valid_and_told(DOCTOR, &PLACES, || {
        let endless = lab(scenario::idle_timeout(MS(60_000)));
        thread::scope(|scope| {
            let interrupted = scope.spawn(|| told_when_interrupted(&endless));
            // Whether a late request is answered takes longer to tell than when others end.
            let silent = scope.spawn(|| told_within("3s", &[&silent]));
            let asked = asked.each_ref().map(|options| {
                scope.spawn(|| told(&options.iter().map(String::as_str).collect::<Vec<_>>()))
            });
            let asked = asked.into_iter().chain([interrupted, silent]);
            asked.map(|it| it.join().expect("it ended")).collect()
        })
    });
}

fn owned(options: &[&str]) -> Vec<String> {
    options.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn what_is_written_of_a_chain_is_as_its_schema_says() {
    let (edge, app) = (lab(poor()), lab(scenario::idle_timeout(MS(150))));
    let refusing = lab(scenario::refuse());
    let hops = [&edge, &app, &refusing].map(|it| it.url("/"));
    let whole = hops[..2].join(",");
    let broken = hops[1..].join(",");
    let places = [
        "/links/0/upstream_idle_ms",
        "/findings/0/cause",
        "/recommend/0/at_least_ms",
        "/recommend/1/at_most_ms",
        "/hops/1/error/kind",
    ];
    assert_valid_and_told(CHAIN, &places, || {
        thread::scope(|scope| {
            let asked = [&whole, &broken].map(|it| scope.spawn(|| told(&["--chain", it])));
            asked.map(|it| it.join().expect("it ended")).to_vec()
        })
    });
}

#[test]
fn the_table_of_defaults_is_as_its_schema_says() {
    let whole = keepwarm(&["defaults", "--json"]).with_code(0).stdout;
    let some = keepwarm(&["defaults", "--json", "nginx"]).with_code(0);
    schemas::assert_valid(DEFAULTS, &format!("{whole}{}", some.stdout));
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let refusing = lab(scenario::refuse());
    let refused = told(&[&refusing.url("/")]);
    let chain = told(&["--chain", &[refusing.url("/"), refusing.url("/")].join(",")]);
    let table = keepwarm(&["defaults", "--json"]).stdout;
    let documents = [
        (DOCTOR, &refused, "/verdict", Value::from("tired")),
        (DOCTOR, &refused, "/error/kind", Value::from("settings")),
        (DOCTOR, &refused, "/idle_timeout_ms/value", Value::from(-1)),
        (DOCTOR, &refused, "/interrupted", Value::Null),
        // The reference to the neighbour is followed.
        (CHAIN, &chain, "/hops/0/reuse", Value::from("yes")),
        (DEFAULTS, &table, "/defaults/0/kind", Value::from("cloudy")),
    ];
    for (schema, document, place, wrong) in documents {
        let mut it: Value = serde_json::from_str(document).expect("JSON");
        *it.pointer_mut(place).expect("a place") = wrong;
        let said = schemas::problems(schema, &it.to_string());
        assert!(said.contains(&format!("line 1: {place} ")), "{said}");
    }
    for (schema, document) in [(DOCTOR, refused), (CHAIN, chain), (DEFAULTS, table)] {
        let mut it: Value = serde_json::from_str(&document).expect("JSON");
        let keys = it.as_object_mut().expect("an object");
        let first = keys.keys().next().expect("a key").clone();
        keys.remove(&first);
        keys.insert("colour".to_owned(), Value::Null);
        let said = schemas::problems(schema, &it.to_string());
        let missing = format!("required property '{first}'");
        assert!(
            said.contains(&missing) && said.contains("additional properties"),
            "{said}"
        );
    }
}

/// A list with a value for each pattern; it does not compile when a variant is missing.
macro_rules! all {
    ($type:ty; $($pattern:pat => $value:expr),+ $(,)?) => {{
        let list: Vec<$type> = vec![$($value),+];
        for it in &list {
            match it {
                $($pattern => {})+
            }
        }
        list
    }};
}

/// The same for variants that hold nothing.
macro_rules! variants {
    ($type:ident: $($variant:ident),+) => {
        all!($type; $($type::$variant => $type::$variant),+)
    };
}

fn schema(name: &str) -> Value {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the schema");
    serde_json::from_str(&text).expect("JSON")
}

/// The words that may stand at a place of a schema, but for null, sorted.
fn words(schema: &Value, place: &str) -> Vec<String> {
    let it = schema
        .pointer(place)
        .unwrap_or_else(|| panic!("no {place}"));
    let listed = it["enum"].as_array().into_iter().flatten();
    let told = it["oneOf"].as_array().into_iter().flatten();
    let words = listed.chain(told.map(|it| &it["const"]));
    let mut words: Vec<_> = words
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect();
    words.sort();
    words
}

/// The words of these, sorted.
fn said<T>(all: Vec<T>, word: impl Fn(T) -> &'static str) -> Vec<String> {
    let mut words: Vec<_> = all.into_iter().map(|it| word(it).to_owned()).collect();
    words.sort();
    words
}

/// The words that stand for these in JSON, sorted.
fn written<T: Serialize + Debug>(all: Vec<T>) -> Vec<String> {
    let word = |it: T| match serde_json::to_value(&it) {
        Ok(Value::String(word)) => word,
        other => panic!("{it:?} is {other:?}"),
    };
    let mut words: Vec<_> = all.into_iter().map(word).collect();
    words.sort();
    words
}

/// A word that the schema lacks would only be missed when an examination says it.
#[test]
fn the_schema_of_the_doctor_names_every_word() {
    let doctor = schema(DOCTOR);
    let at = |place: &str| words(&doctor, place);
    assert_eq!(at("/$defs/cause"), said(Cause::ALL.to_vec(), Cause::slug));
    let severities = variants!(Severity: Info, Low, Medium, High);
    assert_eq!(at("/$defs/severity"), said(severities, Severity::slug));
    let confidences = variants!(Confidence: Low, Medium, High);
    assert_eq!(at("/$defs/confidence"), said(confidences, Confidence::word));
    let stray = EndedBy::StrayBytes {
        request_timeout: false,
    };
    let ends = all!(EndedBy;
        EndedBy::CloseNotify => EndedBy::CloseNotify,
        EndedBy::Fin => EndedBy::Fin,
        EndedBy::GoAway => EndedBy::GoAway,
        EndedBy::Rst => EndedBy::Rst,
        EndedBy::StrayBytes { .. } => stray,
    );
    assert_eq!(at("/$defs/ended-by"), said(ends, EndedBy::slug));
    let situations = variants!(Situation: AfterOne, AfterTen, Asked, Probed, AfterError, ConnectOnly, HandshakeOnly,
        Http2, Http2Ping, Http2ConnectOnly);
    assert_eq!(
        at("/$defs/sample/properties/situation"),
        said(situations, Situation::slug)
    );
    let pipelining = variants!(Pipelining: Both, FirstOnly, FirstThenClose, OutOfOrder, Refused);
    assert_eq!(
        at("/properties/pipelining"),
        said(pipelining, Pipelining::slug)
    );
    let halves = variants!(AfterTheirs: Reset, Swallowed);
    assert_eq!(
        at("/properties/half_close/properties/after_theirs"),
        said(halves, AfterTheirs::slug)
    );
    let mut kinds = variants!(UnreachableKind: Name, Connect, Tls, NoAnswer, NotHttp, Settings);
    // A mistake in the command's use, which ends it before it writes an object.
    kinds.retain(|it| *it != UnreachableKind::Settings);
    assert_eq!(
        at("/properties/error/oneOf/1/properties/kind"),
        said(kinds, UnreachableKind::slug)
    );
    assert_eq!(
        at("/properties/recommend/properties/snippets/propertyNames"),
        snippets::names().collect::<Vec<_>>()
    );
    assert_eq!(
        at("/$defs/client/properties/resends"),
        written(variants!(Resends: Never, Once, Replayable))
    );
    assert_eq!(at("/properties/verdict"), verdicts());
}

/// Those of a diagnosis, and the one without.
fn verdicts() -> Vec<String> {
    let verdicts = variants!(Verdict: Healthy, Findings, Inconclusive);
    let mut words = said(verdicts, Verdict::slug);
    words.push("unreachable".to_owned());
    words
}

#[test]
fn the_schemas_of_chains_and_defaults_name_every_word() {
    let chain = schema(CHAIN);
    let orders = variants!(Order: Right, Undecided, Wrong);
    assert_eq!(
        words(&chain, "/$defs/link/properties/order"),
        said(orders, Order::slug)
    );
    assert_eq!(words(&chain, "/properties/verdict"), verdicts());
    let defaults = schema(DEFAULTS);
    let at = |key: &str| words(&defaults, &format!("/$defs/default/properties/{key}"));
    assert_eq!(at("kind"), written(variants!(Kind: Client, Cloud, Server)));
    assert_eq!(
        at("evidence"),
        written(variants!(Evidence: Documentation, Report, SourceCode))
    );
    assert_eq!(
        at("announces"),
        written(variants!(Announces: Always, Never, WhenAsked))
    );
    assert_eq!(
        at("client/oneOf/1/properties/resends"),
        written(variants!(Resends: Never, Once, Replayable))
    );
}
