//! What the page shows when nobody has touched it.

use serde_json::{Value, json};

use crate::samples::Sample;
use crate::scenes;
use crate::tab::{Tab, Window};

/// The share of a canvas's pixels that differ from its commonest colour, and how many colours there are.
const PAINTED: &str = "(id => { const it = document.getElementById(id);
  const data = new Uint32Array(it.getContext('2d').getImageData(0, 0, it.width, it.height).data.buffer);
  const counts = new Map(); for (const pixel of data) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return [1 - Math.max(...counts.values()) / data.length, counts.size]; })";

/// Whether anything is wider than the window.
const OVERFLOW: &str = "document.documentElement.scrollWidth - innerWidth";

fn assert_painted(tab: &mut Tab) {
    for canvas in ["axis", "lanes", "plot"] {
        let painted = tab.value(&format!("{PAINTED}('{canvas}')"));
        assert!(painted[0].as_f64() > Some(0.01), "{canvas}: {painted}");
        assert!(painted[1].as_f64() > Some(3.0), "{canvas}: {painted}");
    }
}

fn lanes(tab: &mut Tab) -> Vec<Value> {
    tab.state()["lanes"].as_array().expect("a list").clone()
}

#[test]
fn the_page_draws_every_lane_in_light_and_in_dark() {
    let mut tab = Tab::open("tour", &scenes::tour(), Window::DESK);
    tab.photograph("light");
    assert_painted(&mut tab);
    let lanes = lanes(&mut tab);
    assert_eq!(
        lanes.len(),
        2 + 1 + 13,
        "two origins, the unserved, and the connections: {lanes:?}"
    );
    assert_eq!(lanes[0], "origin");
    assert_eq!(lanes[13], "lost");
    assert_eq!(
        tab.text("h1"),
        "13 connections for 118 requests; 7 avoidable, mostly because the server closes after 3 s idle"
    );
    let paper = "getComputedStyle(document.documentElement).backgroundColor";
    let light = tab.value(paper);
    tab.resize(Window::DESK.dark());
    tab.settle();
    tab.photograph("dark");
    assert_painted(&mut tab);
    let dark = tab.value(paper);
    assert_ne!(light, dark, "it follows what its reader prefers");
    tab.click("#theme");
    assert_eq!(tab.value(paper), light, "and can be switched");
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn the_page_fits_a_window_of_360_pixels() {
    let mut tab = Tab::open("narrow", &scenes::tour(), Window::PHONE);
    tab.photograph("narrow");
    assert_painted(&mut tab);
    assert!(
        tab.value(OVERFLOW).as_f64() <= Some(0.0),
        "nothing is cut off"
    );
    let (panel, stage) = ("findings", "stage");
    let top = |tab: &mut Tab, id: &str| {
        tab.value(&format!(
            "document.getElementById('{id}').getBoundingClientRect().top"
        ))
        .as_f64()
    };
    assert!(
        top(&mut tab, panel) > top(&mut tab, stage),
        "the findings are below"
    );
    tab.value("document.getElementById('findings').scrollIntoView()");
    tab.settle();
    tab.photograph("narrow-findings");
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn single_request_connections_share_a_lane() {
    let mut tab = Tab::open("crowd", &scenes::crowd(), Window::DESK);
    tab.photograph("folded");
    assert_painted(&mut tab);
    let lanes = lanes(&mut tab);
    assert_eq!(json!(lanes), json!(["origin", "connection 0", "run 312"]));
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn a_report_of_nothing_has_a_page_too() {
    let mut tab = Tab::open("empty", &Sample::new().finish(0), Window::DESK);
    tab.photograph("empty");
    assert_eq!(tab.text("h1"), "No request, no connection");
    assert_eq!(lanes(&mut tab), [] as [Value; 0]);
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn the_steps_count_open_idle_waiting_and_necessary_connections() {
    let mut tab = Tab::open("steps", &scenes::tour(), Window::DESK);
    let mut at = |ms: u64| tab.value(&format!("window.keepwarm.steps({})", ms * 1_000));
    assert_eq!(
        at(900),
        json!({"open": 1, "idle": 0, "waiting": 0, "necessary": 1})
    );
    assert_eq!(
        at(1_900),
        json!({"open": 1, "idle": 1, "waiting": 0, "necessary": 1})
    );
    // The second origin's connection is open, the first's is gone, and both origins have needed one.
    assert_eq!(
        at(4_500),
        json!({"open": 1, "idle": 0, "waiting": 0, "necessary": 2})
    );
    // One call got no connection and waits for one.
    assert_eq!(at(12_500)["waiting"], json!(1));
    // Four in use at once, and one of the other origin that its server forced beside the one needed.
    assert_eq!(
        at(36_000),
        json!({"open": 5, "idle": 0, "waiting": 1, "necessary": 6})
    );
}

#[test]
fn the_lanes_are_there_as_a_table() {
    let mut tab = Tab::open("table", &scenes::crowd(), Window::DESK);
    tab.click("#text summary");
    assert_eq!(
        tab.value("document.querySelectorAll('#table tbody tr').length"),
        313
    );
    let row = tab.text("#table tbody tr:nth-child(2)");
    for word in [
        "#2",
        "no idle connection was left",
        "peer-said-close",
        "avoidable: server-says-close, instead of #1",
    ] {
        assert!(row.contains(word), "{word}: {row}");
    }
    tab.photograph("table");
    tab.click("#table tbody tr:nth-child(3) button");
    assert_eq!(tab.state()["selected"], 2, "a row leads to its lane");
    assert_eq!(tab.text("#panel-title"), "Connection #3");
    let label = tab.value("document.getElementById('lanes').getAttribute('aria-label')");
    assert!(
        label
            .as_str()
            .is_some_and(|label| label.contains("table below")),
        "{label}"
    );
}

#[test]
fn the_page_prints_in_light_with_its_findings_open() {
    let mut tab = Tab::open("print", &scenes::tour(), Window::DESK.dark());
    tab.value("dispatchEvent(new Event('beforeprint'))");
    tab.ask("Emulation.setEmulatedMedia", json!({"media": "print"}));
    tab.value("dispatchEvent(new Event('resize'))");
    tab.settle();
    assert_eq!(
        tab.value("document.querySelectorAll('.finding[open]').length"),
        3
    );
    assert_eq!(
        tab.value("getComputedStyle(document.getElementById('filter')).display"),
        "none"
    );
    tab.photograph("print");
    tab.value("dispatchEvent(new Event('afterprint'))");
    assert_eq!(
        tab.value("document.querySelectorAll('.finding[open]').length"),
        1
    );
    assert_eq!(tab.complaints(), [""; 0]);
}
