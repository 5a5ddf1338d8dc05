//! What every version keeps: one test per row of the baseline, named after its row.
//! (B5, B11 and B14 to B16 come with TLS, HTTP/2 and the commands; B12 is the command's; B19 is alone in its program.)

use std::fs::File;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keepwarm::advice::Advice;
use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::event::EventKind;
use keepwarm::reason::{CloseReason, ClosedBy, Limit, Phase, Reuse};
use keepwarm::{Client, Config, ErrorKind, EstimateSource, Limits, Origin};
use keepwarm_lab::{Conduct, Lab, Plan, scenario};

use crate::support::dialers::{Dealt, Fate, Fates};
use crate::support::{GATE, Rig, finish, held, join, ms, run, spawn};

#[test]
fn b1_keep_alive_is_on_with_no_header_to_set() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for number in 1..=100 {
            let response = client.get(lab.url("/")).send().await.expect("an answer");
            let done = finish(response).await;
            assert_eq!(done.connection.requests, number);
            assert_eq!(done.connection.reused, number > 1);
            assert_eq!(done.reuse, Reuse::Keep);
        }
        assert_eq!(
            (lab.connections().accepted, lab.connections().requests),
            (1, 100)
        );
        for request in lab.transcript().requests() {
            assert_eq!(request.version, "HTTP/1.1");
            assert_eq!(request.header("connection"), None);
            assert_eq!(request.header("keep-alive"), None);
        }
        let total = client.stats().total().clone();
        assert_eq!((total.opened, total.requests, total.reused), (1, 100, 99));
        assert!((total.reuse_ratio() - 0.99).abs() < 1e-9);
    });
}

#[test]
fn b2_max_idle_is_100_over_all_origins() {
    run(async {
        let rig = Rig::start(held()).await;
        let other = Lab::start(held()).await;
        assert_eq!(rig.client.limits().max_idle, Some(100));
        rig.fetch_at_once(51).await;
        let calls = (0..51)
            .map(|_| spawn(rig.client.get(other.url("/"))))
            .collect();
        other.wait_for(|it| it.counters().requests == 51).await;
        other.open(GATE);
        assert!(join(calls).await.iter().all(|done| done.reuse.is_keep()));
        assert_eq!(rig.log.closed(2).await.len(), 2);
        let stats = rig.client.stats();
        assert_eq!(stats.total().idle, 100);
        assert_eq!(
            stats.closed()[0].reason,
            CloseReason::PoolFull { limit: 100 }
        );
        assert_eq!(stats.closed()[0].count, 2);
        assert_eq!(rig.counts().idle, 49, "those idle longest went");
    });
}

#[test]
fn b3_max_idle_per_host_is_100() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_idle(None)).await;
        assert_eq!(rig.client.limits().max_idle_per_host, Some(100));
        rig.fetch_at_once(102).await;
        let counts = rig.counts();
        assert_eq!((counts.idle, counts.opened), (100, 102));
        assert_eq!(
            counts.closed[0].reason,
            CloseReason::HostFull { limit: 100 }
        );
        assert_eq!(counts.closed[0].count, 2);
    });
}

#[test]
fn b4_idle_timeout_is_30_s_and_closes() {
    run(async {
        assert_eq!(
            Limits::default().idle_timeout,
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            Client::new().limits().idle_timeout,
            Some(Duration::from_secs(30))
        );
        let rig = Rig::with(scenario::well_behaved(), |it| it.idle_timeout(ms(50))).await;
        rig.fetch("/").await;
        let parked = Instant::now();
        assert_eq!(rig.ended().await.slug(), "idle-too-long");
        assert!(parked.elapsed() >= ms(40), "{:?}", parked.elapsed());
        rig.lab
            .wait_for(|it| it.connection(1).end().is_some())
            .await;
    });
}

#[test]
fn b6_a_hung_backend_does_not_hold_the_pool() {
    run(async {
        let unset = format!("{:?}", Config::default());
        assert!(
            unset.contains("response_header: None"),
            "no limit unless set: {unset}"
        );
        let plan = Plan::choose(|number| {
            Conduct::from(match number {
                1 => scenario::hang(),
                _ => scenario::well_behaved(),
            })
        });
        let rig = Rig::with(plan, |it| {
            it.response_header_timeout(ms(60)).max_conns_per_host(1)
        })
        .await;
        let hung = spawn(rig.get("/"));
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let waiting = spawn(rig.get("/"));
        let error = hung.await.expect("no panic").expect_err("a hung backend");
        assert_eq!(error.limit(), Some(Limit::ResponseHeader));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Timeout, Phase::Wait)
        );
        let served = waiting
            .await
            .expect("no panic")
            .expect("the place is free again");
        assert_eq!(served.status, 200);
        assert_eq!(rig.counts().active, 0);
    });
}

#[test]
fn b7_the_server_said_close_or_speaks_http10() {
    run(async {
        let closes = Rig::start(scenario::peer_said_close()).await;
        assert_eq!(
            closes.fetch("/").await.reuse,
            Reuse::close(CloseReason::PeerSaidClose)
        );
        let old = Rig::start(scenario::http10()).await;
        assert_eq!(
            old.fetch("/").await.reuse,
            Reuse::close(CloseReason::Http10)
        );
        let keeps = Rig::start(scenario::http10_keep_alive()).await;
        assert_eq!(keeps.fetch("/").await.reuse, Reuse::Keep);
        assert!(keeps.fetch("/").await.connection.reused);
        let last = Rig::start(scenario::max_requests(3)).await;
        for _ in 0..6 {
            last.fetch("/").await;
        }
        assert_eq!(last.counts().closed_as("peer-said-close"), 2);
        assert_eq!(last.lab.connections().accepted, 2);
    });
}

#[test]
fn b8_the_server_closed_the_idle_connection_and_the_number_is_measured() {
    run(async {
        let rig = Rig::start(scenario::idle_timeout(ms(100))).await;
        rig.fetch("/").await;
        let reason = rig.ended().await;
        let CloseReason::PeerClosedIdle { idle, .. } = reason else {
            panic!("{reason:?}");
        };
        assert!(idle >= ms(50), "{idle:?}");
        let stats = rig.client.stats();
        let learned = stats
            .origin(&rig.lab.url("/"))
            .and_then(|it| it.idle_timeout);
        let learned = learned.expect("the close is a measurement");
        assert_eq!(
            (learned.timeout, learned.source),
            (idle, EstimateSource::Measured)
        );
        assert!(learned.doubtful_after() < learned.timeout);
    });
}

#[test]
fn b9_the_request_itself_said_close() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let request = rig.get("/").header("Connection", "close");
        let done = finish(request.send().await.expect("an answer")).await;
        assert_eq!(done.reuse.primary(), Some(&CloseReason::WeSaidClose));
        assert_eq!(CloseReason::WeSaidClose.by(), ClosedBy::Caller);
        assert_eq!(rig.ended().await, CloseReason::WeSaidClose);
        assert_eq!(
            rig.lab
                .transcript()
                .request(1, 1)
                .header_count("connection"),
            1
        );
    });
}

#[test]
fn b10_the_body_was_dropped() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        drop(rig.get("/bytes/1000").send().await.expect("an answer"));
        let next = rig.fetch("/").await;
        assert!(
            next.connection.reused,
            "a body that is here is read, not thrown away"
        );
        drop(rig.get("/bytes/90000000").send().await.expect("an answer"));
        let reason = rig.ended().await;
        assert!(
            matches!(reason, CloseReason::BodyNotRead { left: Some(1..) }),
            "{reason:?}"
        );
        assert!(!rig.fetch("/").await.connection.reused);
    });
}

/// A dialer that logs, as a user would write it.
struct Logging {
    inner: TcpDialer,
    log: Arc<Mutex<Vec<(SocketAddr, Instant)>>>,
}

impl Dialer for Logging {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async move {
            let dialed = self.inner.dial(origin).await?;
            if let Some(remote) = dialed.remote {
                self.log
                    .lock()
                    .expect("no panic")
                    .push((remote, Instant::now()));
            }
            Ok(dialed)
        })
    }
}

#[test]
fn b13_a_wrapped_dialer_logs_each_new_connection() {
    run(async {
        let began = Instant::now();
        let log = Arc::default();
        let dialer = Logging {
            inner: TcpDialer::default(),
            log: Arc::clone(&log),
        };
        let rig = Rig::with(scenario::max_requests(5), |it| it.dialer(dialer)).await;
        for _ in 0..10 {
            rig.fetch("/").await;
        }
        let log = log.lock().expect("no panic").clone();
        assert_eq!(log.len(), 2, "one line per connection, none per request");
        assert!(log.iter().all(|(remote, _)| *remote == rig.lab.addr()));
        assert!(began <= log[0].1 && log[0].1 <= log[1].1);
        assert_eq!(rig.lab.connections().accepted, 2);
    });
}

#[test]
fn b17_the_busy_profile() {
    let limits = Config::busy().limits().clone();
    assert!(limits.max_idle_per_host.is_some_and(|limit| limit >= 200));
    assert!(limits.max_idle >= limits.max_idle_per_host);
    assert_eq!(limits.idle_timeout, Some(Duration::from_secs(90)));
    let all = format!("{:?}", Config::busy());
    assert!(all.contains("response_header: Some(10s)"), "{all}");
}

#[test]
fn b17_too_many_open_files_names_the_limit_and_the_setting() {
    run(async {
        let too_many = || std::io::Error::from_raw_os_error(24);
        let fates = Fates::deal([Fate::Fails(too_many())]);
        let rig = Rig::with(scenario::well_behaved(), |it| it.dialer(Dealt(fates))).await;
        let error = rig.get("/").send().await.expect_err("no more files");
        assert_eq!(error.limit(), Some(Limit::OpenFiles));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Connect, Phase::Connect)
        );
        let message = error.to_string();
        assert!(
            message.contains("open files") && message.contains("max_conns"),
            "{message}"
        );
        assert!(error.is_connect() && error.is_safe_to_retry());
        assert_eq!(rig.fetch("/").await.status, 200, "and the pool goes on");
    });
}

#[test]
fn b17_too_many_open_files_is_foreseen() {
    run(async {
        let allowed = 1_usize << 40;
        let rig = Rig::with(scenario::well_behaved(), |it| it.max_idle(allowed)).await;
        let advice = rig.client.advice();
        let foreseen = advice.iter().any(|it| match it {
            Advice::OpenFilesTooFew { allowed: told, .. } => *told == Some(allowed),
            _ => false,
        });
        assert!(foreseen, "{advice:?}");
        let fitting = Rig::with(scenario::well_behaved(), |it| it.max_idle(8)).await;
        let advice = fitting.client.advice();
        assert!(
            !advice.iter().any(|it| it.slug() == "open-files-too-few"),
            "{advice:?}"
        );
    });
}

/// Where the process with few files finds the lab.
const FEW_FILES: &str = "KEEPWARM_TEST_FEW_FILES";

#[test]
fn b17_a_process_without_a_file_left_is_told_so() {
    if let Ok(url) = std::env::var(FEW_FILES) {
        return run(without_a_file_left(url));
    }
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let this = std::env::current_exe().expect("the test program");
    let ended = Command::new("sh")
        .args(["-c", "ulimit -n 48 && exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "--nocapture"])
        .arg("baseline::b17_a_process_without_a_file_left_is_told_so")
        .env(FEW_FILES, lab.url("/"))
        .output()
        .expect("a shell");
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(
        lab.connections().accepted,
        1,
        "the second call got through: {told}"
    );
}

async fn without_a_file_left(url: String) {
    let client = Client::new();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    let error = client.get(&url).send().await.expect_err("no file left");
    assert_eq!(error.limit(), Some(Limit::OpenFiles), "{error}");
    assert!(error.to_string().contains("48"), "{error}");
    drop(files);
    let response = client.get(&url).send().await.expect("files again");
    assert_eq!(finish(response).await.status, 200);
}

#[test]
fn b18_an_idle_timeout_over_two_minutes_is_warned_about() {
    run(async {
        let advice = |timeout: Option<Duration>| {
            let client = Client::builder().idle_timeout(timeout).build();
            client.expect("settings that work").advice()
        };
        let long = |configured| Advice::IdleTimeoutLong { configured };
        let over = Some(Duration::from_secs(121));
        assert!(advice(over).contains(&long(over)));
        assert!(advice(None).contains(&long(None)));
        let under = advice(Some(Duration::from_secs(120)));
        assert!(
            !under.iter().any(|it| it.slug() == "idle-timeout-over-120s"),
            "{under:?}"
        );
    });
}

#[test]
fn b18_an_idle_timeout_over_the_servers_is_warned_about() {
    run(async {
        let announced = scenario::announced_idle_timeout(Duration::from_secs(5));
        let learned = scenario::idle_timeout(ms(80));
        for (server, is_learned) in [(announced, false), (learned, true)] {
            let rig = Rig::start(server).await;
            rig.fetch("/").await;
            if is_learned {
                rig.ended().await;
            }
            let estimate = rig.client.stats().origins()[0]
                .idle_timeout
                .expect("a number");
            let expected = Advice::IdleTimeoutOverServer {
                origin: rig.lab.url("/").parse().expect("an origin"),
                configured: Some(Duration::from_secs(30)),
                server: estimate.timeout,
            };
            assert!(
                rig.client.advice().contains(&expected),
                "{:?}",
                rig.client.advice()
            );
            if !is_learned {
                assert_eq!(estimate.timeout, Duration::from_secs(5));
            }
        }
    });
}

#[test]
fn b18_an_idle_timeout_below_the_servers_is_fine() {
    run(async {
        let announced = scenario::announced_idle_timeout(Duration::from_secs(60));
        let rig = Rig::start(announced).await;
        rig.fetch("/").await;
        let advice = rig.client.advice();
        assert!(
            !advice
                .iter()
                .any(|it| it.slug().starts_with("idle-timeout")),
            "{advice:?}"
        );
    });
}

#[test]
fn b20_settings_are_fixed_and_retune_is_the_one_way() {
    run(async {
        // Building consumes the settings: nobody holds them while the client is in use.
        let build: fn(Config) -> keepwarm::Result<Client> = Config::build;
        let client = build(Config::default().max_idle_per_host(7)).expect("settings that work");
        let clone = client.clone();
        assert_eq!(clone.limits().max_idle_per_host, Some(7));
        let limits = Limits {
            max_idle_per_host: Some(3),
            ..client.limits()
        };
        client.retune(limits.clone()).expect("limits that work");
        assert_eq!(clone.limits(), limits, "all clones share them");
        let none = Limits {
            max_conns: Some(0),
            ..limits.clone()
        };
        let error = client.retune(none).expect_err("no call could be served");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(client.limits(), limits, "refused limits change nothing");
    });
}

#[test]
fn b20_retune_acts_while_the_client_is_in_use() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(1)).await;
        let calls = rig.spawn(3);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        rig.log
            .count(3, |kind| matches!(kind, EventKind::Queued { .. }))
            .await;
        assert_eq!(rig.counts().waiting, 2);
        let limits = Limits {
            max_conns_per_host: Some(3),
            ..rig.client.limits()
        };
        rig.client.retune(limits).expect("limits that work");
        rig.lab.wait_for(|it| it.counters().requests == 3).await;
        rig.lab.open(GATE);
        assert_eq!(join(calls).await.len(), 3);
        assert_eq!(rig.counts().idle, 3);
    });
}
