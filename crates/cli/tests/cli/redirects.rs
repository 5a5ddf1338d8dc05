//! `-L`, `--compressed`, `-4`, `-6`, credentials and proxies: what lies between a URL and its body.

use keepwarm_servers::recipes::nginx;
use serde_json::{Value, json};

use crate::get_json::{CONNECTION, TIMINGS, keys_in_order};
use crate::support::{Done, keepwarm};

const HOP: &[&str] = &[
    "method",
    "url",
    "status",
    "to",
    "protocol",
    "connection",
    "miss",
    "timings_ms",
];

fn get(options: &[&str], url: &str) -> Done {
    keepwarm(&[&["get"], options, &[url]].concat())
}

/// The only exchange of `--json`.
fn exchange(done: &Done) -> Value {
    let (exchanges, _) = done.json();
    assert_eq!(exchanges.len(), 1);
    exchanges[0].clone()
}

#[test]
fn a_redirect_is_followed_with_location_only() {
    let nginx = nginx::start_secure(
        "location = /away { return 302 /here; } location = /here { return 200 'here'; }",
    );
    let (away, here) = (nginx.secure_url("/away"), nginx.secure_url("/here"));
    let stayed = exchange(&get(&["-k", "--json"], &away).with_code(0));
    assert_eq!(stayed["status"], 302);
    assert_eq!(stayed["hops"], json!([]));
    let done = get(&["-k", "--json", "-L"], &away).with_code(0);
    let followed = exchange(&done);
    assert_eq!(
        (&followed["status"], &followed["bytes"]),
        (&json!(200), &json!(4))
    );
    assert_eq!(followed["url"], json!(away));
    let hop = &followed["hops"][0];
    let (_, line) = done.stdout.split_once("\"hops\":").expect("hops");
    keys_in_order(line, hop, HOP);
    keys_in_order(line, &hop["connection"], CONNECTION);
    keys_in_order(line, &hop["timings_ms"], TIMINGS);
    for (key, expected) in [
        ("method", json!("GET")),
        ("url", json!(away)),
        ("status", json!(302)),
        ("to", json!(here)),
        ("protocol", json!("h2")),
        ("miss", json!("first-for-origin")),
    ] {
        assert_eq!(hop[key], expected, "{key}");
    }
    assert_eq!(hop["connection"]["stream"], 1);
    assert_eq!(followed["connection"]["stream"], 3);
    assert_eq!(followed["connection"]["id"], 1, "both used one connection");
    get(&["-k", "-L"], &away).with_code(0).says("here");
    let text = get(&["-k", "-L", "--repeat", "2"], &away).with_code(0);
    text.says(&format!("302 led from {away} to {here}"));
}

#[test]
fn verbose_tells_each_redirect_in_its_order() {
    let nginx = nginx::start_secure(
        "location = /away { return 302 /here; } location = /here { return 200 'here'; }",
    );
    let done = get(&["-k", "-v", "-L"], &nginx.secure_url("/away")).with_code(0);
    let begins = [
        "* Connected to ",
        "* TLS 1.3",
        "> GET /away HTTP/2",
        "* Stream 1 ",
        "< HTTP/2 302 Found",
        "* Redirected to https://",
        "* Reusing connection #1",
        "> GET /here HTTP/2",
        "* Stream 3 ",
        "< HTTP/2 200 OK",
        "* Connection #1 left intact",
    ];
    let mut lines = done.stderr.lines();
    for begin in begins {
        let found = lines.any(|line| line.starts_with(begin));
        assert!(found, "{begin} is not in its place: {done:#?}");
    }
}

#[test]
fn more_redirects_than_allowed_are_an_error() {
    let nginx = nginx::start_secure("location = /round { return 302 /round; }");
    let options = ["-k", "--json", "-L", "--max-redirs", "3"];
    let failed = exchange(&get(&options, &nginx.secure_url("/round")).with_code(1));
    assert_eq!(failed["error"]["kind"], "limit");
    assert_eq!(failed["error"]["limit"], "redirects");
    let told = get(
        &["-k", "-v", "-L", "--max-redirs", "3"],
        &nginx.secure_url("/round"),
    );
    // What is spoken was told when the connection opened, though no answer came of it.
    told.with_code(1).complains("> GET /round HTTP/2\n");
    assert_eq!(failed["status"], json!(null));
}

#[test]
fn a_redirect_from_https_to_http_is_not_followed_and_said() {
    let nginx = nginx::start_secure("location = /down { return 302 http://127.0.0.1:1/; }");
    let url = nginx.secure_url("/down");
    let stayed = exchange(&get(&["-k", "--json", "-L"], &url).with_code(0));
    assert_eq!(stayed["status"], 302);
    assert_eq!(stayed["not_followed"], "https-to-http");
    get(&["-k", "-v", "-L"], &url)
        .with_code(0)
        .complains("* Not followed: the redirect leads from https to http");
}

#[test]
fn compressed_asks_and_decodes() {
    let text = "a line that compresses well, ".repeat(50);
    let block = format!(
        "gzip on; gzip_types text/plain; gzip_min_length 1; location = /text {{ return 200 '{text}'; }}"
    );
    let nginx = nginx::start_secure(&block);
    let url = nginx.secure_url("/text");
    let plain = exchange(&get(&["-k", "--json"], &url).with_code(0));
    assert_eq!(plain["decoded_from"], json!(null));
    let decoded = get(&["-k", "--compressed"], &url).with_code(0);
    assert_eq!(decoded.stdout, text);
    let told = exchange(&get(&["-k", "--json", "--compressed"], &url).with_code(0));
    assert_eq!(told["decoded_from"], "gzip");
    assert_eq!(told["bytes"], text.len());
    let verbose = get(&["-k", "-v", "--compressed"], &url).with_code(0);
    verbose.complains("> accept-encoding: gzip, deflate, br, zstd");
    verbose.complains("* The body is decoded from gzip");
}

#[test]
fn an_address_family_is_heeded() {
    let nginx = nginx::start("");
    let url = format!("http://localhost:{}/index.html", nginx.port());
    let four = exchange(&get(&["--json", "-4"], &url).with_code(0));
    let remote = four["connection"]["remote"].as_str().expect("an address");
    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
    // It listens on IPv4 only: whether or not the name has an IPv6 address, nobody is there.
    get(&["-6"], &url).with_code(3);
}

#[test]
fn credentials_in_a_url_are_sent_and_shown_nowhere() {
    let nginx = nginx::start_secure("location = /who { return 200 $http_authorization; }");
    let url = nginx
        .secure_url("/who")
        .replace("https://", "https://me:sec%20ret@");
    // me:sec ret
    let body = get(&["-k", "-v"], &url).with_code(0);
    assert_eq!(body.stdout, "Basic bWU6c2VjIHJldA==");
    body.complains("> authorization: Basic ***");
    let json = get(&["-k", "--json"], &url).with_code(0);
    let several = get(&["-k", "--repeat", "2"], &url).with_code(0);
    let failed = get(&["-v"], &url).with_code(1);
    assert_eq!(exchange(&json)["url"], nginx.secure_url("/who"));
    for done in [body, json, several, failed] {
        assert!(!done.stderr.contains("sec"), "{done:#?}");
        assert!(!done.stdout.contains("sec%20ret"), "{done:#?}");
    }
}
