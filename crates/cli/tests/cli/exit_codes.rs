//! The exit codes, the same for every command.

use std::io::{BufRead, BufReader, Read};

use keepwarm_lab::{Behaviour, Lab, scenario};
use serde_json::Value;

use crate::support::{command, interrupt, keepwarm, signal};

#[test]
fn fine_is_0_whatever_the_status() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    keepwarm(&["get", &lab.url("/")])
        .with_code(0)
        .says("hello, world");
    keepwarm(&["get", &lab.url("/status/500")]).with_code(0);
    keepwarm(&["--version"]).with_code(0);
}

#[test]
fn a_failed_exchange_is_1_even_beside_good_ones() {
    let lab = Lab::spawn_thread(scenario::body_cut_short(5));
    let done = keepwarm(&["get", &lab.url("/")]).with_code(1);
    done.says("hello");
    done.complains("8 bytes");
    let good = Lab::spawn_thread(scenario::well_behaved());
    let refused = Lab::spawn_thread(scenario::refuse());
    keepwarm(&["get", &good.url("/"), &refused.url("/")]).with_code(1);
}

#[test]
fn usage_is_2() {
    keepwarm(&["get"]).with_code(2);
    keepwarm(&["get", "--no-such-option", "http://127.0.0.1/"]).with_code(2);
    keepwarm(&["get", "--max-conns", "0", "http://127.0.0.1/"]).with_code(2);
    keepwarm(&[]).with_code(2);
}

#[test]
fn an_unreachable_target_is_3() {
    let refused = Lab::spawn_thread(scenario::refuse());
    let done = keepwarm(&["get", &refused.url("/")]).with_code(3);
    done.complains("cannot connect to 127.0.0.1");
    keepwarm(&["get", "--json", "--repeat", "3", &refused.url("/")]).with_code(3);
    let deaf = Lab::spawn_thread(scenario::never_accept());
    keepwarm(&["get", "--connect-timeout", "100ms", &deaf.url("/")]).with_code(3);
    // One that is there and hangs up in the handshake was reached: that is a failed exchange.
    let closing = Lab::spawn_thread(scenario::accept_then_close());
    let url = format!("https://{}/", closing.addr());
    keepwarm(&["get", &url]).with_code(1).complains("TLS with");
}

#[test]
fn interrupted_is_4_and_what_was_learned_is_printed() {
    for (name, with) in [
        ("INT", interrupt as fn(&_)),
        ("TERM", |child| signal(child, "TERM")),
    ] {
        let good = Lab::spawn_thread(scenario::well_behaved());
        let hanging = Lab::spawn_thread(scenario::hang());
        let (first, second) = (good.url("/"), hanging.url("/"));
        let mut child = command(&["get", "--json", &first, &second])
            .spawn()
            .expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the first exchange");
        assert!(line.contains("keepwarm.exchange/1"), "{line}");
        hanging.wait_for_blocking(|transcript| !transcript.requests().is_empty());
        with(&child);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(4), "{name}");
        let summary: Value = serde_json::from_str(&rest).expect("the summary");
        assert_eq!(summary["schema"], "keepwarm.summary/1");
        assert_eq!(summary["exchanges"], 1);
        assert_eq!(summary["opened"], 2);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_mistake() {
    let lab = Lab::spawn_thread(Behaviour::default());
    let mut child = command(&["get", "--json", "--repeat", "100000", &lab.url("/")])
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut String::new()).expect("a line");
    drop(stdout);
    let mut stderr = String::new();
    let pipe = child.stderr.as_mut().expect("a pipe");
    pipe.read_to_string(&mut stderr).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(4));
    assert_eq!(stderr, "");
}
