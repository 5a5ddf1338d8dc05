//! Mouse and keys.

use keepwarm_report::Report;
use serde_json::json;

use crate::scenes;
use crate::tab::{Tab, Window};

fn tour(name: &str) -> (Tab, Report) {
    let report = scenes::tour();
    (Tab::open(name, &report, Window::DESK), report)
}

fn exchange_of(report: &Report, target: &str) -> usize {
    report
        .exchanges
        .iter()
        .position(|it| it.target == target)
        .expect("it is there")
}

#[test]
fn pointing_at_a_bar_tells_its_exchange() {
    let (mut tab, report) = tour("hover");
    let slow = exchange_of(&report, "/slow");
    let (x, y) = tab.place_of(slow);
    tab.point_at(x, y);
    assert_eq!(
        tab.state()["hovered"],
        json!({"connection": 9, "exchange": slow})
    );
    let tip = tab.text("#tip");
    for word in [
        "GET /slow",
        "failed",
        "1st request on #10",
        "wait",
        "a time limit ended the exchange",
    ] {
        assert!(tip.contains(word), "{word}: {tip}");
    }
    tab.photograph("hover");
    let queued = exchange_of(&report, "/queued");
    let (x, y) = tab.place_of(queued);
    tab.point_at(x, y);
    let tip = tab.text("#tip");
    assert!(
        tip.contains("queue") && tip.contains("1.7 s") && tip.contains("2nd request on #9"),
        "{tip}"
    );
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn pointing_at_a_stream_tells_that_one_of_many() {
    let (mut tab, report) = tour("stream");
    let shared = &report.connections[11];
    for index in [5, 17, 29] {
        let exchange = shared.exchanges[index];
        let (x, y) = tab.place_of(exchange);
        tab.point_at(x, y);
        assert_eq!(tab.state()["hovered"]["exchange"], exchange);
        assert!(
            tab.text("#tip")
                .contains(&report.exchanges[exchange].target)
        );
    }
}

#[test]
fn a_click_on_a_lane_lists_its_life() {
    let (mut tab, report) = tour("life");
    let (x, y) = tab.place_of(exchange_of(&report, "/orders/17"));
    tab.click_at(x, y);
    tab.photograph("details");
    let panel = tab.text("#panel");
    for word in [
        "Connection #7",
        "avoidable: an earlier connection should have served",
        "#6 should have served this: server-idle-timeout",
        "no idle connection was left",
        "reset by the peer",
        "the server closed the idle connection",
        "/items?page&size",
        "idle 3 s",
        "✕ GET /orders/17",
        "sent again on #8 (idle-close-race)",
    ] {
        assert!(panel.contains(word), "{word}: {panel}");
    }
    tab.click("#panel .blame .link");
    assert_eq!(
        tab.state()["selected"],
        5,
        "the link leads to the earlier connection"
    );
    assert_eq!(tab.text("#panel-title"), "Connection #6");
    tab.press("Escape");
    assert_eq!(tab.state()["panel"], false);
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn a_finding_leads_to_its_lanes_and_back() {
    let (mut tab, _) = tour("findings");
    assert_eq!(
        tab.value("[...document.querySelectorAll('.finding')].map(it => it.open)"),
        json!([true, false, false])
    );
    tab.click(".finding .show");
    let state = tab.state();
    assert_eq!(state["marked"], json!([0, 1, 2, 3, 4, 5, 6]));
    assert_eq!(state["selected"], 0);
    tab.click("#finding-0 [role=tab]:nth-child(3)");
    assert!(
        tab.text("#finding-0 .cures")
            .contains("keepalive_timeout 75s;")
    );
    tab.photograph("findings");
    assert_eq!(
        tab.text("#finding-0 .prose code"),
        "tshark",
        "the pages' Markdown is read"
    );
    let command = tab.text("#finding-0 .snippet.shell code");
    assert!(
        command.starts_with("tshark -r CAPTURE.pcap") && command.ends_with("-e tcp.time_delta"),
        "{command}"
    );
    assert!(
        tab.text("#finding-0")
            .contains("docs/causes/server-idle-timeout.md")
    );
    tab.click(".finding .show");
    assert_eq!(tab.state()["marked"], json!([]));
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn a_connection_from_before_the_report_is_told_as_that() {
    let mut report = scenes::tour();
    report.connections[0].is_older = true;
    report.connections[0].miss_text = None;
    let mut tab = Tab::open("older", &report, Window::DESK);
    tab.press("j");
    tab.press("Enter");
    let panel = tab.text("#panel");
    assert!(
        panel.contains("opened before the report begins") && panel.contains("first seen"),
        "{panel}"
    );
    assert!(
        !panel.contains("opening begins") && !panel.contains("connect 4.0 ms"),
        "{panel}"
    );
    tab.photograph("older");
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn the_filter_is_kept_in_the_address() {
    let (mut tab, _) = tour("filter");
    tab.press("/");
    tab.write("orders");
    assert_eq!(
        tab.state()["lanes"],
        json!(["origin", "connection 6", "connection 7", "origin", "lost"])
    );
    tab.value(
        "(() => { const it = document.getElementById('by-end'); it.value = 'peer-closed-idle';
                it.dispatchEvent(new Event('input', {bubbles: true})); })()",
    );
    tab.settle();
    assert_eq!(tab.state()["lanes"], json!(["origin", "connection 6"]));
    assert_eq!(tab.text("#matches"), "1 of 13 connections");
    tab.photograph("filter");
    tab.value("new Promise(done => setTimeout(done, 200))");
    let hash = tab
        .value("location.hash")
        .as_str()
        .expect("text")
        .to_owned();
    assert!(
        hash.contains("find=orders") && hash.contains("end=peer-closed-idle"),
        "{hash}"
    );
    tab.navigate(&hash);
    assert_eq!(
        tab.state()["lanes"],
        json!(["origin", "connection 6"]),
        "a link shows what its sender saw"
    );
    tab.click("#clear");
    assert_eq!(tab.state()["shown"], 13);
    tab.navigate("#cause=stale-reuse-race");
    assert_eq!(
        tab.state()["lanes"],
        json!(["origin", "connection 6", "connection 7"])
    );
    tab.navigate("#find=503");
    assert_eq!(tab.state()["lanes"], json!(["origin", "connection 12"]));
    tab.navigate("#connection=12&from=20000000&to=30000000");
    assert_eq!(tab.state()["selected"], 12);
    assert_eq!(tab.state()["window"], json!([20_000_000, 30_000_000]));
    tab.navigate("#connection=999&finding=999&from=x&origin=none");
    assert_eq!(tab.state()["shown"], 13, "an old link breaks nothing");
    tab.navigate("#find=%233");
    assert_eq!(tab.state()["lanes"], json!(["origin", "connection 2"]));
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn everything_works_by_keyboard() {
    let (mut tab, report) = tour("keys");
    tab.press("j");
    assert_eq!(tab.state()["selected"], 0);
    tab.press("ArrowDown");
    assert_eq!(tab.state()["selected"], 1);
    tab.press("k");
    assert_eq!(tab.state()["selected"], 0);
    tab.press("n");
    tab.press("n");
    assert_eq!(tab.state()["exchange"], report.connections[0].exchanges[1]);
    assert!(tab.text("#tip").contains("2nd request on #1"));
    assert!(
        tab.text("#live").contains("2nd request on #1"),
        "it is told to screen readers"
    );
    tab.press("Enter");
    assert_eq!(tab.text("#panel-title"), "Connection #1");
    assert_eq!(tab.value("document.activeElement.id"), "panel");
    tab.press("Escape");
    assert_eq!(tab.value("document.activeElement.id"), "lanes");
    tab.photograph("focus");
    let fitted = tab.state()["window"].clone();
    tab.press("+");
    tab.press("ArrowRight");
    let zoomed = tab.state()["window"].clone();
    assert_ne!(zoomed, fitted);
    tab.press("Home");
    assert_eq!(tab.state()["window"][0], 0);
    tab.press("End");
    assert_eq!(tab.state()["window"][1], fitted[1]);
    tab.press("0");
    assert_eq!(tab.state()["window"], fitted);
    tab.press("?");
    assert!(tab.text("#keys").contains("select the lane above or below"));
    tab.photograph("help");
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn wheel_and_drag_move_in_time() {
    let (mut tab, report) = tour("wheel");
    let (x, y) = tab.place_of(exchange_of(&report, "/slow"));
    let width = |tab: &mut Tab| {
        let state = tab.state();
        state["window"][1].as_f64().unwrap() - state["window"][0].as_f64().unwrap()
    };
    let whole = width(&mut tab);
    tab.wheel(x, y, -500.0, true);
    let zoomed = width(&mut tab);
    assert!(zoomed < whole * 0.7, "{zoomed} of {whole}");
    let from = tab.state()["window"][0].as_f64();
    tab.drag((x, y), (x + 150.0, y));
    assert!(
        tab.state()["window"][0].as_f64() < from,
        "a drag to the right shows what was before"
    );
    assert!((width(&mut tab) - zoomed).abs() < 1.0, "without zooming");
    assert_eq!(tab.state()["selected"], -1, "a drag is no click");
    tab.press("0");
    for _ in 0..5 {
        tab.wheel(x, y, -500.0, true);
    }
    tab.photograph("zoomed");
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn fingers_tap_and_spread() {
    let report = scenes::tour();
    let mut tab = Tab::open("touch", &report, Window::PHONE);
    tab.ask(
        "Emulation.setTouchEmulationEnabled",
        json!({"enabled": true, "maxTouchPoints": 2}),
    );
    tab.value("document.getElementById('axis').scrollIntoView()");
    let slow = exchange_of(&report, "/slow");
    let (x, y) = tab.place_of(slow);
    tab.tap(x, y);
    assert!(tab.text("#tip").contains("GET /slow"));
    assert_eq!(tab.state()["panel"], false);
    tab.photograph("narrow-tap");
    tab.tap(x, y);
    assert_eq!(tab.state()["panel"], true);
    assert_eq!(tab.text("#panel-title"), "Connection #10");
    tab.photograph("narrow-details");
    tab.value("document.getElementById('axis').scrollIntoView()");
    tab.settle();
    let (x, y) = tab.place_of(slow);
    let before = tab.state()["window"].clone();
    tab.spread(x, y, 20.0, 60.0);
    let after = tab.state()["window"].clone();
    let width =
        |window: &serde_json::Value| window[1].as_f64().unwrap() - window[0].as_f64().unwrap();
    assert!(width(&after) < width(&before) / 2.0, "{before} {after}");
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn groups_and_runs_fold_and_unfold() {
    let mut tab = Tab::open("folding", &scenes::crowd(), Window::DESK);
    let name = tab.value("window.keepwarm.name(2)");
    let place =
        |name: &serde_json::Value| (name["x"].as_f64().unwrap(), name["y"].as_f64().unwrap());
    let (x, y) = place(&name);
    tab.click_at(x, y);
    let lanes = tab.state()["lanes"].clone();
    assert_eq!(lanes.as_array().map(Vec::len), Some(315), "unfolded");
    assert_eq!(lanes[2], "run 312 open");
    tab.photograph("unfolded");
    tab.wheel(x, y, 2_000.0, false);
    assert!(
        tab.state()["scroll"].as_f64() > Some(1_000.0),
        "the wheel scrolls where there is more than fits"
    );
    tab.photograph("scrolled");
    tab.wheel(x, y, -9_000.0, false);
    tab.click_at(x, y);
    assert_eq!(tab.state()["lanes"][2], "run 312", "and folded again");
    let name = tab.value("window.keepwarm.name(0)");
    let (x, y) = place(&name);
    tab.click_at(x, y);
    assert_eq!(tab.state()["lanes"], json!(["origin"]));
    // A link into what is folded away opens it.
    tab.click("#text summary");
    tab.click("#table tbody tr:nth-child(200) button");
    assert_eq!(tab.state()["selected"], 199);
    assert_eq!(tab.state()["lanes"][2], "run 312 open");
    assert_eq!(tab.complaints(), [""; 0]);
}
