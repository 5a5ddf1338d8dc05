//! `keepwarm get` for people: bodies, the table, the verdict and the cures.

use std::time::Duration;

use keepwarm_lab::{Lab, scenario};

use crate::support::{Done, command, keepwarm};

#[test]
fn one_exchange_writes_its_body_and_nothing_else() {
    let lab = Lab::spawn_thread(scenario::chunked([5, 3]));
    let done = keepwarm(&["get", &lab.url("/")]).with_code(0);
    assert_eq!(
        (done.stdout.as_str(), done.stderr.as_str()),
        ("hello, world\n", "")
    );
}

#[test]
fn b1_a_hundred_exchanges_use_one_connection_and_say_so() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let done = keepwarm(&["get", "--repeat", "100", &lab.url("/")]).with_code(0);
    done.says("100 requests, 1 connection: reused 99 %");
    done.says("97 more like it");
    assert!(done.stdout.lines().count() < 10, "{}", done.stdout);
    assert_eq!(lab.connections().accepted, 1);
}

#[test]
fn long_lists_are_cut_and_the_verdict_counts_them_all() {
    let lab = Lab::spawn_thread(scenario::max_requests(2));
    let done = keepwarm(&["get", "--repeat", "200", &lab.url("/")]).with_code(0);
    assert!(done.stdout.lines().count() < 55, "{}", done.stdout);
    done.says("(--json lists them all)");
    done.says("200 requests, 100 connections: reused 50 %");
    let refused = Lab::spawn_thread(scenario::refuse());
    let done = keepwarm(&["get", "--repeat", "200", &refused.url("/")]).with_code(3);
    assert!(done.stdout.lines().count() < 10, "{}", done.stdout);
    done.says("198 more like it");
    done.says("200 requests, 0 connections, 200 failed");
}

#[test]
fn each_reason_has_its_count_its_sentence_and_its_cure() {
    let lab = Lab::spawn_thread(scenario::max_requests(5));
    let done = keepwarm(&["get", "--repeat", "20", &lab.url("/")]).with_code(0);
    done.says("20 requests, 4 connections: reused 80 %");
    done.says("closed 4 × the server said Connection: close");
    done.says("cure   find what makes the server say close");
}

#[test]
fn b18_an_idle_timeout_over_the_servers_is_advised_against() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(Duration::from_millis(100)));
    let options = ["get", "--repeat", "3", "--gap", "400ms"];
    let done = keepwarm(&[&options[..], &[&lab.url("/")]].concat()).with_code(0);
    done.says("closed 2 × the server closed it after");
    done.says("keeps idle connections for about");
    done.says("advice idle_timeout is 30 s, but");
    let options = ["get", "--repeat", "2", "--idle-timeout", "5m"];
    let done = keepwarm(&[&options[..], &[&lab.url("/")]].concat()).with_code(0);
    done.says("most servers close idle connections sooner");
}

#[test]
fn b17_the_busy_preset_foresees_too_many_open_files() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let advice = |preset: &str| {
        let run = format!(
            "ulimit -n 256 && exec '{}' get --repeat 2 --preset {preset} {}",
            env!("CARGO_BIN_EXE_keepwarm"),
            lab.url("/")
        );
        let output = std::process::Command::new("sh").args(["-c", &run]).output();
        Done::from(output.expect("sh is there")).with_code(0)
    };
    advice("busy").says("advice the limits allow 4096 connections, but this process may open 256");
    assert!(!advice("default").stdout.contains("ulimit"));
}

#[test]
fn failures_are_listed_in_their_place() {
    let lab = Lab::spawn_thread(scenario::reset_in_body(5));
    let good = Lab::spawn_thread(scenario::well_behaved());
    let done = keepwarm(&["get", &good.url("/"), &lab.url("/")]).with_code(1);
    done.says("ERR");
    done.says("2 requests, 2 connections: reused 0 %, 1 failed");
}

#[test]
fn bodies_go_to_a_file_one_after_the_other() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let file = std::env::temp_dir().join(format!("keepwarm-cli-out-{}", std::process::id()));
    let path = file.to_str().expect("text");
    keepwarm(&["get", "-o", path, "--repeat", "2", &lab.url("/")]).with_code(0);
    let written = std::fs::read_to_string(&file).expect("the file");
    std::fs::remove_file(&file).expect("it was there");
    assert_eq!(written, "hello, world\nhello, world\n");
}

#[test]
fn colour_comes_only_when_it_is_wanted() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let url = lab.url("/");
    let arguments = ["get", "--repeat", "2", &url];
    let run = |name: &str, value: &str| {
        let output = command(&arguments)
            .env_remove("NO_COLOR")
            .env(name, value)
            .output();
        Done::from(output.expect("it starts")).with_code(0).stdout
    };
    assert!(
        !run("TERM", "xterm").contains('\u{1b}'),
        "a pipe is no terminal"
    );
    assert!(run("CLICOLOR_FORCE", "1").contains('\u{1b}'), "asked for");
    let output = command(&arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("it starts");
    assert!(!Done::from(output).stdout.contains('\u{1b}'));
}
