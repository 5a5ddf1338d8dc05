//! A hundred thousand exchanges on two thousand connections.

use std::time::Instant;

use crate::scenes;
use crate::tab::{Tab, Window};

#[test]
fn a_hundred_thousand_exchanges_become_a_page_one_can_use() {
    let report = scenes::busy();
    assert_eq!(
        (report.connections.len(), report.exchanges.len()),
        (2_000, 100_000)
    );
    let written = Instant::now();
    let bytes = keepwarm_report::page::html(&report).len();
    println!(
        "page: {:.1} MB, written in {:.0?}",
        bytes as f64 / 1e6,
        written.elapsed()
    );
    let mut tab = Tab::open("busy", &report, Window::DESK);
    let busy = tab.metric("TaskDuration") * 1e3;
    let script = tab.metric("ScriptDuration") * 1e3;
    let started = tab.state()["startedIn"].clone();
    println!(
        "main thread until interactive: {busy:.0} ms, of it script {script:.0} ms; start: {started} ms"
    );
    tab.photograph("big");
    let before = tab.metric("TaskDuration");
    for step in 0..20 {
        tab.wheel(
            700.0,
            500.0,
            if step % 2 == 0 { -300.0 } else { 300.0 },
            true,
        );
    }
    println!(
        "a frame of zooming: {:.1} ms",
        (tab.metric("TaskDuration") - before) * 1e3 / 20.0
    );
    tab.press("0");
    let before = tab.metric("TaskDuration");
    tab.press("/");
    for letter in ["i", "t", "e", "m", "s", "/", "7"] {
        tab.write(letter);
    }
    println!(
        "a letter of the search: {:.1} ms",
        (tab.metric("TaskDuration") - before) * 1e3 / 7.0
    );
    assert!(tab.state()["shown"].as_u64() > Some(0));
    tab.photograph("big-search");
    tab.click("#text summary");
    assert_eq!(
        tab.value("document.querySelectorAll('#table tbody tr').length"),
        500
    );
    assert!(tab.text("#text-note").starts_with("The first 500 of "));
    assert_eq!(tab.complaints(), [""; 0]);
}
