//! Section L of the matrix: what Go does not have, as far as no other test file holds it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keepwarm::Client;
use keepwarm::dial::{BoxFuture, Resolver};
use keepwarm_lab::{Behaviour, Lab};

use crate::common::{assert_quiet, build, settle, text};
use crate::streams::{Kind, Opens};
use crate::support::{Rig, ms, on_time, run};

/// One address for every name; the address may change.
#[derive(Clone)]
struct Moving(Arc<Mutex<SocketAddr>>);

impl Resolver for Moving {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let address = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(std::future::ready(Ok(vec![address])))
    }
}

/// X15: once a name has a new address, new connections go there, and those to the old one end by age.
#[test]
fn x15_a_name_that_moves_is_followed() {
    run(async {
        let rig = Rig::start(Behaviour::default()).await;
        let there = Lab::start(Behaviour::default()).await;
        let address = Arc::new(Mutex::new(rig.lab.addr()));
        let (client, log) = crate::support::client(|it| {
            it.resolver(Moving(Arc::clone(&address)))
                .max_lifetime(ms(100))
        });
        text(&client, "http://service.test/").await;
        *address.lock().expect("no panic") = there.addr();
        let end = log.closed(1).await[0];
        assert_eq!(end.closed.reason.slug(), "too-old");
        text(&client, "http://service.test/").await;
        let accepted = (rig.lab.connections().accepted, there.connections().accepted);
        assert_eq!(accepted, (1, 1));
    });
}

/// How long this thread has worked, as Linux tells: not what the machine does for others meanwhile. Elsewhere, the time
/// that passed.
fn worked(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Opens so many idle connections, and tells how long a call takes then, and how long it takes to end one of them.
async fn costs(idle: usize) -> (Duration, Duration) {
    const URL: &str = "http://many.test/";
    const CALLS: u32 = 3000;
    let config = Client::builder().max_idle(None).max_idle_per_host(None);
    let client = build(
        config
            .dialer(Opens::new(Kind::Answering))
            .idle_timeout(None),
    );
    loop {
        let counts = settle(&client, |now| now.dialing == 0).await;
        if counts.idle == idle {
            break;
        }
        client.prewarm(URL, idle - counts.idle).expect("room");
    }
    let start = Instant::now();
    let before = worked(start);
    for _ in 0..CALLS {
        assert_eq!(text(&client, URL).await, "ok");
    }
    let call = (worked(start) - before) / CALLS;
    let mut limits = client.limits();
    limits.idle_timeout = Some(ms(1));
    let before = worked(start);
    client.retune(limits).expect("limits that work");
    settle(&client, |now| now.idle == 0).await;
    let each = (worked(start) - before) / u32::try_from(idle).expect("small");
    let counts = assert_quiet(&client);
    assert_eq!(counts.closed_as("idle-too-long"), idle as u64, "{counts:?}");
    (call, each)
}

/// X20: with 10 000 idle connections to one origin, taking and parking one costs what it costs with ten, and ending
/// them costs as much for each as with 500.
#[test]
fn x20_ten_thousand_idle_connections_make_nothing_slower() {
    run(on_time(async || {
        let (few, _) = costs(10).await;
        let (_, each_of_some) = costs(500).await;
        let (many, each_of_many) = costs(10_000).await;
        // One scan of the list would cost more than this; what is left is room for caches and a busy machine.
        let is_flat = many < few * 2 + Duration::from_micros(20)
            && each_of_many < each_of_some * 2 + Duration::from_micros(25);
        if !is_flat {
            eprintln!("calls {few:?} {many:?}, ends {each_of_some:?} {each_of_many:?}");
        }
        is_flat
    }));
}

/// Bytes of memory this process has, as the system counts them.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes.expect("a line").trim().parse().expect("digits");
    kilobytes * 1024
}

/// X25: an idle connection costs no task and at most 4 KiB (Go: two tasks and 8 KiB of buffers).
#[cfg(target_os = "linux")]
#[test]
fn x25_an_idle_connection_costs_no_task_and_little_memory() {
    const ALONE: &str = "KEEPWARM_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        // Memory is counted for the whole process: a process of its own, so that no other test is counted.
        let program = std::env::current_exe().expect("this program");
        let name = "extra::x25_an_idle_connection_costs_no_task_and_little_memory";
        let mut command = std::process::Command::new(program);
        let output = command.args(["--exact", name]).env(ALONE, "1").output();
        let output = output.expect("it starts");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}");
        assert!(told.contains("1 passed"), "{told}");
        return;
    }
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        // Accepts and keeps: a server without buffers, so that what grows is the client.
        std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
        let config = Client::builder().max_idle(None).max_idle_per_host(None);
        let client = build(config.idle_timeout(None));
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let mut measured = Vec::new();
        for idle in [50, 400] {
            loop {
                let counts = settle(&client, |now| now.dialing == 0).await;
                if counts.idle == idle {
                    break;
                }
                client.prewarm(&url, idle - counts.idle).expect("room");
            }
            measured.push((tasks(), resident()));
        }
        let [(tasks_before, before), (tasks_after, after)] = measured[..] else {
            panic!("two measurements");
        };
        assert!(tasks_after <= tasks_before, "{tasks_before} {tasks_after}");
        let each = after.saturating_sub(before) / 350;
        assert!(each <= 4096, "{each} bytes for each idle connection");
        assert_quiet(&client);
    });
}
