//! HAProxy as Debian ships it, with TLS and HTTP/2, in front of the lab.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use keepwarm::{Config, Protocol};
use keepwarm_lab::{Lab, scenario};
use rustix::process::Signal;

use crate::crowds::{quiet, run_long};
use crate::proven;
use crate::real::{Program, installed, write};
use crate::support::{client, finish, until};

const LANES: usize = 20;
const ROUNDS: usize = 150;

/// A master with a worker, whose successors take its sockets over.
fn prepare(folder: &Path, port: u16, lab: &str) -> Command {
    let at = folder.display();
    let config = format!(
        "global\n stats socket {at}/admin mode 600 level admin expose-fd listeners\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n \
         timeout http-keep-alive 30s\n\
         frontend front\n bind 127.0.0.1:{port} ssl crt {at}/both.pem alpn h2,http/1.1\n \
         default_backend lab\n\
         backend lab\n server lab {lab}\n"
    );
    let file = write(folder, "haproxy.cfg", &config);
    let mut command = installed(Path::new("/usr/sbin/haproxy"));
    command.args(["-W", "-f"]).arg(file);
    command
}

async fn start() -> (Program, Lab) {
    let lab = Lab::start(scenario::well_behaved()).await;
    let address = lab.addr().to_string();
    let prepare = |folder: &Path, port| prepare(folder, port, &address);
    (Program::start("haproxy", Signal::TERM, &prepare).await, lab)
}

#[test]
fn haproxy_serves_a_thousand_calls_on_one_connection_and_resumes() {
    run_long(async {
        let (haproxy, _lab) = start().await;
        proven::serves_and_resumes(&haproxy, "hello, world\n").await;
    });
}

/// Calls in lanes while HAProxy is reloaded four times: every call has its answer.
async fn reloaded_under_load(protocol: Protocol, change: impl FnOnce(Config) -> Config) {
    let (haproxy, _lab) = start().await;
    let (client, _) = client(|config| change(config.tls(haproxy.authority.trusted())));
    let (url, done) = (haproxy.url("/"), AtomicUsize::new(0));
    let lanes = join_all((0..LANES).map(|_| async {
        for _ in 0..ROUNDS {
            let response = client.get(&url).send().await.expect("none is lost");
            let answer = finish(response).await;
            assert_eq!(answer.body, b"hello, world\n");
            assert_eq!(answer.connection.protocol(), protocol);
            done.fetch_add(1, Ordering::SeqCst);
        }
    }));
    let reloads = async {
        for reload in 1..=4 {
            until(
                || (done.load(Ordering::SeqCst) >= reload * LANES * ROUNDS / 6).then_some(()),
                || format!("{done:?}"),
            )
            .await;
            // The master starts a worker anew; the old one ends when its connections do.
            haproxy.signal(Signal::USR2);
        }
    };
    tokio::join!(lanes, reloads);
    let counts = quiet(&client).await;
    println!(
        "{protocol:?}: {} GETs over 4 reloads: {} connections, {} sent again, {:?}",
        LANES * ROUNDS,
        counts.opened,
        counts.sent_again(),
        counts.closed
    );
    let ends: u64 = counts.closed.iter().map(|end| end.count).sum();
    assert!(ends >= 1, "a reload ends connections: {counts:?}");
}

#[test]
fn a_reload_of_haproxy_under_load_loses_none_of_the_idempotent() {
    run_long(async {
        reloaded_under_load(Protocol::H2, |config| config).await;
        reloaded_under_load(Protocol::H1, Config::http1_only).await;
    });
}
