//! B12: `get -v` says what `curl -v` says, and why.

use std::time::Duration;

use keepwarm_lab::{Lab, scenario};

use crate::support::keepwarm;

/// The lines of standard error that begin like this.
fn lines<'a>(stderr: &'a str, begin: &str) -> Vec<&'a str> {
    stderr
        .lines()
        .filter(|line| line.starts_with(begin))
        .collect()
}

#[test]
fn b12_opened_reused_and_left_intact_are_told_in_their_order() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let url = lab.url("/");
    let done = keepwarm(&["get", "-v", "-H", "X-Note: hello", &url, &url]).with_code(0);
    let port = lab.addr().port();
    let told: Vec<&str> = done.stderr.lines().collect();
    let host = format!("> host: 127.0.0.1:{port}");
    let opened = format!(
        "* Connected to 127.0.0.1 (127.0.0.1) port {port} (#1), because there was none for this origin"
    );
    let exchange = [
        "> GET / HTTP/1.1",
        &host,
        concat!("> user-agent: keepwarm/", env!("CARGO_PKG_VERSION")),
        "> x-note: hello",
        ">",
        "< HTTP/1.1 200 OK",
        "< content-length: 13",
        "<",
        "* Connection #1 left intact",
    ];
    assert_eq!(told[0], opened);
    assert_eq!(told[1..10], exchange);
    assert!(
        told[10].starts_with("* Reusing connection #1 (idle "),
        "{done:#?}"
    );
    assert!(told[10].ends_with(", 2nd request)"), "{done:#?}");
    assert_eq!(told[11..], exchange);
    let sent = lab.transcript();
    assert_eq!(sent.request(1, 1).header("x-note"), Some("hello"));
    assert_eq!(
        sent.request(1, 1).headers.len(),
        3,
        "what > shows is what was sent"
    );
}

#[test]
fn b12_closing_says_why() {
    for (server, options, why) in [
        (
            scenario::peer_said_close(),
            &[][..],
            "the server said Connection: close",
        ),
        (
            scenario::http10(),
            &[],
            "the server speaks HTTP/1.0 without keep-alive",
        ),
        (
            scenario::close_delimited(),
            &[],
            "the response had no length, so only closing could end it",
        ),
        (
            scenario::stray_bytes(),
            &[],
            "5 bytes arrived that belong to no response",
        ),
        (
            scenario::well_behaved(),
            &["-H", "Connection: close"],
            "our request said Connection: close",
        ),
        (
            scenario::well_behaved(),
            &["--no-keep-alive"],
            "keep-alive is switched off",
        ),
        (
            scenario::hang(),
            &["--response-header-timeout", "50ms"],
            "the response header timeout ran out",
        ),
    ] {
        let lab = Lab::spawn_thread(server);
        let done = keepwarm(&[&["get", "-v"], options, &[&lab.url("/")]].concat());
        let told = lines(&done.stderr, "* ");
        assert!(told[0].contains("(#1), because"), "{done:#?}");
        assert_eq!(
            told[1],
            format!("* Closing connection #1: {why}"),
            "{done:#?}"
        );
        assert!(!done.stderr.contains("left intact"), "{done:#?}");
    }
}

#[test]
fn b12_a_close_during_the_gap_is_told_when_it_happens() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(Duration::from_millis(100)));
    let options = ["get", "-v", "--repeat", "2", "--gap", "400ms"];
    let done = keepwarm(&[&options[..], &[&lab.url("/")]].concat()).with_code(0);
    let told = lines(&done.stderr, "* ");
    assert_eq!(told.len(), 5, "{done:#?}");
    assert!(told[0].contains("Connected"));
    assert_eq!(told[1], "* Connection #1 left intact");
    assert!(told[2].starts_with("* Closing connection #1: the server closed it after "));
    assert!(told[3].contains("(#2)"));
    assert_eq!(told[4], "* Connection #2 left intact");
}

#[test]
fn b12_a_retry_is_told_between_its_attempts() {
    let lab = Lab::spawn_thread(scenario::close_instead_of_answer(2));
    let done = keepwarm(&["get", "-v", "--repeat", "2", &lab.url("/")]).with_code(0);
    let told = lines(&done.stderr, "* ");
    assert!(told[2].starts_with("* Reusing connection #1"), "{done:#?}");
    assert!(
        told[3].starts_with("* Closing connection #1: the server closed it"),
        "{done:#?}"
    );
    assert_eq!(
        told[4],
        "* Sent again: the server closed the idle connection as it was reused"
    );
    assert!(told[5].contains("(#2)"), "{done:#?}");
    assert_eq!(
        lines(&done.stderr, "> GET").len(),
        3,
        "one for each sending"
    );
}

#[test]
fn b12_the_body_alone_goes_to_standard_output() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let done = keepwarm(&["get", "-v", &lab.url("/")]).with_code(0);
    assert_eq!(done.stdout, "hello, world\n");
    assert!(
        !done.stderr.contains('\u{1b}'),
        "no colour without a terminal"
    );
}
