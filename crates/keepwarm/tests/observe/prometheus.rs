//! `observe::Prometheus`: the numbers agree with what happened.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use keepwarm::Config;
use keepwarm::event::{EventKind, Protocol};
use keepwarm::observe::{Prometheus, Several};
use keepwarm::reason::{CloseReason, PeerEnd};
use keepwarm_lab::{Lab, Plan, scenario};

use crate::events::Puppet;
use crate::support::{GATE, Rig, held, join, ms, run};
use crate::text::Text;

const OPEN: &str = "http_client_open_connections";
const REQUESTS: &str = "keepwarm_client_requests_total";
const OPENED: &str = "keepwarm_client_connections_opened_total";
const CLOSED: &str = "keepwarm_client_connections_closed_total";
const ACTIVE: &str = "http_client_active_requests";
const DURATIONS: &str = "http_client_request_duration_seconds_count";
const RETRIES: &str = "keepwarm_client_retries_total";
const REFUSED: &str = "keepwarm_client_retries_refused_total";
const FAILED: &str = "keepwarm_client_dials_failed_total";

/// A lab and a client that is counted; the rig's own log is waited on.
async fn counted(
    plan: impl Into<Plan>,
    change: impl FnOnce(Config) -> Config,
) -> (Rig, Arc<Prometheus>) {
    let prometheus = Arc::new(Prometheus::new());
    let log = crate::support::log::Log::new();
    let both = Several::new(vec![Arc::clone(&prometheus) as _, Arc::clone(&log) as _]);
    let lab = Lab::start(plan).await;
    let config = change(keepwarm::Client::builder().observer(Arc::new(both)));
    let client = config.build().expect("settings that work");
    (Rig { lab, client, log }, prometheus)
}

fn text(prometheus: &Prometheus) -> Text {
    Text(prometheus.render())
}

#[test]
fn three_calls_on_one_connection_are_told_as_that() {
    run(async {
        let (rig, prometheus) = counted(scenario::well_behaved(), |config| config).await;
        for _ in 0..3 {
            rig.fetch("/?token=secret").await;
        }
        let now = text(&prometheus);
        assert_eq!(
            now.of(REQUESTS, &["keepwarm_connection_reused=\"true\""]),
            2.0
        );
        assert_eq!(
            now.of(REQUESTS, &["keepwarm_connection_reused=\"false\""]),
            1.0
        );
        assert_eq!(now.of(OPENED, &["keepwarm_miss=\"first-for-origin\""]), 1.0);
        let h1 = "network_protocol_version=\"1.1\"";
        assert_eq!(now.of(OPEN, &["http_connection_state=\"idle\"", h1]), 1.0);
        assert_eq!(now.of(OPEN, &["http_connection_state=\"active\"", h1]), 0.0);
        assert_eq!(now.of(ACTIVE, &["url_scheme=\"http\""]), 0.0);
        let answered = [
            "http_request_method=\"GET\"",
            "http_response_status_code=\"200\"",
            "server_address=\"127.0.0.1\"",
            &format!("server_port=\"{}\"", rig.lab.addr().port()),
        ];
        assert_eq!(now.of(DURATIONS, &answered), 3.0);
        assert_eq!(
            now.of(RETRIES, &["keepwarm_retry=\"idle-close-race\""]),
            0.0
        );
        assert_eq!(
            now.of("http_client_request_time_in_queue_seconds_count", &[]),
            1.0
        );
        assert_eq!(
            now.of("keepwarm_client_dial_duration_seconds_count", &[]),
            1.0
        );
        let idle = "keepwarm_client_connection_idle_before_reuse_seconds_count";
        assert_eq!(now.of(idle, &[]), 2.0);
        assert!(!now.0.contains("secret"));
        assert!(now.0.ends_with("# EOF\n"), "OpenMetrics ends so");

        rig.client.close_idle();
        rig.log.closed(1).await;
        let now = text(&prometheus);
        let end = [
            "keepwarm_close_reason=\"shut-down\"",
            "keepwarm_closed_by=\"caller\"",
            h1,
        ];
        assert_eq!(now.of(CLOSED, &end), 1.0);
        assert_eq!(
            now.of("http_client_connection_duration_seconds_count", &end),
            1.0
        );
        assert_eq!(now.of(OPEN, &[]), 0.0);
    });
}

#[test]
fn calls_under_way_are_active_and_so_are_their_connections() {
    run(async {
        let (rig, prometheus) = counted(held(), |config| config).await;
        let calls = rig.spawn(2);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let now = text(&prometheus);
        assert_eq!(now.of(ACTIVE, &[]), 2.0);
        assert_eq!(now.of(OPEN, &["http_connection_state=\"active\""]), 2.0);
        assert_eq!(now.of(OPEN, &["http_connection_state=\"idle\""]), 0.0);
        rig.lab.open(GATE);
        join(calls).await;
        let now = text(&prometheus);
        assert_eq!(now.of(ACTIVE, &[]), 0.0);
        assert_eq!(now.of(OPEN, &["http_connection_state=\"idle\""]), 2.0);
    });
}

#[test]
fn a_server_that_closes_is_told_from_a_race_with_it() {
    run(async {
        let (rig, prometheus) = counted(scenario::close_instead_of_answer(2), |it| it).await;
        for _ in 0..2 {
            rig.fetch("/").await;
        }
        assert!(rig.post("/").send().await.is_err());
        let now = text(&prometheus);
        assert_eq!(
            now.of(RETRIES, &["keepwarm_retry=\"idle-close-race\""]),
            1.0
        );
        assert_eq!(now.of(REFUSED, &["keepwarm_retry=\"not-replayable\""]), 1.0);
        let failed = ["http_request_method=\"POST\"", "error_type=\"wait\""];
        assert_eq!(now.of(DURATIONS, &failed), 1.0);
        assert_eq!(now.of(DURATIONS, &["http_request_method=\"GET\""]), 2.0);

        let (rig, prometheus) = counted(scenario::idle_timeout(ms(10)), |it| it).await;
        rig.fetch("/").await;
        rig.log.closed(1).await;
        let end = [
            "keepwarm_close_reason=\"peer-closed-idle\"",
            "keepwarm_closed_by=\"peer\"",
        ];
        assert_eq!(text(&prometheus).of(CLOSED, &end), 1.0);
    });
}

#[test]
fn a_dial_that_fails_is_counted_and_so_is_its_call() {
    run(async {
        let (rig, prometheus) = counted(scenario::refuse(), |config| config).await;
        assert!(rig.get("/").send().await.is_err());
        let now = text(&prometheus);
        assert_eq!(now.of(FAILED, &[]), 1.0);
        assert_eq!(now.of(DURATIONS, &["error_type=\"connect\""]), 1.0);
        assert_eq!(
            now.of("keepwarm_client_dial_duration_seconds_count", &[]),
            0.0
        );
        assert_eq!(now.sum(OPENED, &[]), None);
    });
}

#[test]
fn an_error_status_is_an_error_type() {
    run(async {
        let (rig, prometheus) = counted(scenario::well_behaved(), |config| config).await;
        rig.fetch("/status/503").await;
        let labels = ["http_response_status_code=\"503\"", "error_type=\"503\""];
        assert_eq!(text(&prometheus).of(DURATIONS, &labels), 1.0);
    });
}

#[test]
fn a_shared_connection_is_active_until_its_last_call_is_done() {
    let prometheus = Prometheus::new();
    let mut puppet = Puppet::new(&prometheus);
    puppet.opened(1, Protocol::H2);
    let state = |state: &str| {
        let state = format!("http_connection_state=\"{state}\"");
        text(&prometheus).of(OPEN, &[&state, "network_protocol_version=\"2\""])
    };
    assert_eq!((state("idle"), state("active")), (1.0, 0.0));
    for call in 1..=2 {
        puppet.call_started(call, Method::GET, "/");
        puppet.checked_out(call, 1, call);
    }
    assert_eq!((state("idle"), state("active")), (0.0, 1.0));
    puppet.exchange_ended(1, 1);
    assert_eq!((state("idle"), state("active")), (0.0, 1.0));
    puppet.exchange_ended(2, 1);
    assert_eq!((state("idle"), state("active")), (1.0, 0.0));
    puppet.later(Duration::from_secs(70));
    let reason = CloseReason::PeerClosedIdle {
        how: PeerEnd::GoAway,
        idle: Duration::from_secs(60),
    };
    puppet.closed(1, reason, Duration::from_secs(70));
    assert_eq!((state("idle"), state("active")), (0.0, 0.0));
    let ages = "http_client_connection_duration_seconds_bucket";
    let now = text(&prometheus);
    assert_eq!(now.of(ages, &["le=\"60.0\""]), 0.0);
    assert_eq!(now.of(ages, &["le=\"120.0\""]), 1.0);
}

#[test]
fn the_time_of_a_call_is_from_its_beginning_to_its_end() {
    let prometheus = Prometheus::new();
    let mut puppet = Puppet::new(&prometheus);
    puppet.opened(1, Protocol::H1);
    puppet.call_started(1, Method::GET, "/");
    puppet.checked_out(1, 1, 1);
    puppet.answered(1, 1, 103);
    puppet.later(Duration::from_secs(3));
    puppet.answered(1, 1, 404);
    puppet.exchange_ended(1, 1);
    puppet.later(Duration::from_secs(1));
    puppet.call_ended(1);
    let sum = text(&prometheus).of(
        "http_client_request_duration_seconds_sum",
        &["http_response_status_code=\"404\"", "error_type=\"404\""],
    );
    assert_eq!(sum, 4.0);
}

#[test]
fn what_callers_and_servers_invent_makes_no_series_without_end() {
    let prometheus = Prometheus::with_origins(2);
    let mut puppet = Puppet::new(&prometheus);
    let origins: Vec<String> = (0..500)
        .map(|n| format!("http://tenant-{n}.example"))
        .collect();
    for (index, origin) in origins.iter().enumerate() {
        let call = index as u64;
        puppet.origin = origin;
        let method = Method::from_bytes(format!("BREW{index}").as_bytes()).expect("a token");
        puppet.opened(call, Protocol::H1);
        puppet.call_started(call, method, "/");
        puppet.checked_out(call, call, 1);
        puppet.answered(call, call, 100 + (call as u16) * 7 % 900);
        puppet.exchange_ended(call, call);
        puppet.call_ended(call);
    }
    let now = text(&prometheus);
    assert_eq!(now.of(REQUESTS, &[]), 500.0);
    assert_eq!(now.of(REQUESTS, &["server_address=\"_OTHER\""]), 498.0);
    assert_eq!(
        now.of(REQUESTS, &["server_address=\"tenant-1.example\""]),
        1.0
    );
    assert_eq!(
        now.of(DURATIONS, &["http_request_method=\"_OTHER\""]),
        500.0
    );
    assert!(now.samples() < 2000, "{} samples", now.samples());
}

#[test]
fn ends_without_beginnings_and_beginnings_without_ends_disturb_nothing() {
    let prometheus = Prometheus::new();
    let puppet = Puppet::new(&prometheus);
    puppet.exchange_ended(7, 7);
    puppet.call_ended(7);
    puppet.closed(7, CloseReason::ShutDown, Duration::ZERO);
    puppet.tell(EventKind::Parked {
        connection: keepwarm::event::ConnectionId(7),
    });
    puppet.opened(1, Protocol::H1);
    puppet.opened(1, Protocol::H1);
    puppet.call_started(1, Method::GET, "/");
    puppet.call_started(1, Method::GET, "/");
    let now = text(&prometheus);
    assert_eq!(now.of(OPEN, &[]), 1.0, "one number is one connection");
    assert_eq!(now.of(ACTIVE, &[]), 1.0);
}

#[test]
fn the_metrics_join_the_service_s_own_registry() {
    let prometheus = Prometheus::new();
    let mut registry = prometheus_client::registry::Registry::default();
    prometheus.register(&mut registry);
    Puppet::new(&prometheus).opened(1, Protocol::H1);
    let mut both = String::new();
    prometheus_client::encoding::text::encode(&mut both, &registry).expect("memory");
    assert_eq!(both, prometheus.render());
}
