//! Events of real calls: a client of ours against the lab and a server of HTTP/2.
//!
//! Owns what happens in them. Everything awaited is an event of a peer or of ours.

use std::future::Future;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keepwarm::Client;
use keepwarm::observe::{JsonLines, Recorder, Several};
use keepwarm_lab::{Behaviour, Lab, scenario};
use keepwarm_report::{Log, Report};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(20);

/// What observers made of a run.
pub(crate) struct Run {
    /// Of the recorder.
    pub(crate) log: Log,
    /// What the writer of lines wrote.
    pub(crate) lines: String,
}

impl Run {
    pub(crate) fn report(&self) -> Report {
        Report::of(std::slice::from_ref(&self.log))
    }
}

/// A writer whose bytes can be read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs this under observation, on one thread and within its time.
fn observed<F: Future<Output = ()>>(calls: impl FnOnce(keepwarm::Config) -> F) -> Run {
    let recorder = Arc::new(Recorder::default());
    let written = Shared::default();
    let lines = JsonLines::new(written.clone(), "run").expect("memory");
    let lines = Arc::new(lines);
    let several = Several::new(vec![recorder.clone(), lines.clone()]);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let config = Client::builder().observer(Arc::new(several));
    let all = async { tokio::time::timeout(PATIENCE, calls(config)).await };
    runtime.block_on(all).expect("in time");
    drop(runtime);
    lines.finish().expect("memory");
    let bytes = written.0.lock().expect("no panic").clone();
    Run {
        log: recorder.log("run"),
        lines: String::from_utf8(bytes).expect("text"),
    }
}

async fn fetch(client: &Client, url: &str) {
    let response = client.get(url).send().await.expect("an answer");
    response.bytes().await.expect("a body");
}

async fn lab(behaviour: Behaviour) -> Lab {
    Lab::start(behaviour).await
}

/// Several servers that each end connections in their own way, a queue, a retry, and calls that fail.
pub(crate) fn many() -> Run {
    observed(|config| async move {
        let client = config.max_conns_per_host(2).build().expect("a client");
        // A queue: six calls at once on two connections.
        let good = lab(scenario::well_behaved()).await;
        let mut calls = JoinSet::new();
        for number in 0..6 {
            let (client, url) = (client.clone(), good.url(&format!("/?n={number}")));
            calls.spawn(async move { fetch(&client, &url).await });
        }
        calls.join_all().await;
        // A connection that is new each time, as its server wants it, and one that ends every second time.
        let closing = lab(scenario::peer_said_close()).await;
        let twice = lab(scenario::max_requests(2)).await;
        for _ in 0..4 {
            fetch(&client, &closing.url("/")).await;
            fetch(&client, &twice.url("/")).await;
        }
        // An idle connection that its server closes, and the next call.
        let idle = lab(scenario::idle_close_at("close")).await;
        fetch(&client, &idle.url("/")).await;
        idle.open("close");
        idle.wait_for(|it| it.counters().open == 0).await;
        fetch(&client, &idle.url("/after")).await;
        // The race: a request that may be repeated, and one that may not.
        let stale = lab(scenario::close_instead_of_answer(2)).await;
        fetch(&client, &stale.url("/first")).await;
        fetch(&client, &stale.url("/again")).await;
        let post = client.post(stale.url("/once")).body("body").send().await;
        post.expect_err("no answer");
        // Nobody there, and a caller who leaves.
        let refused = lab(scenario::refuse()).await;
        let error = client.get(refused.url("/")).send().await;
        error.expect_err("no connection");
        let hang = lab(scenario::hang()).await;
        {
            let call = client.get(hang.url("/")).send();
            let arrived = hang.wait_for(|it| it.counters().requests == 1);
            tokio::select! {
                _ = call => panic!("an answer"),
                () = arrived => {}
            }
        }
        client.shutdown(PATIENCE).await;
    })
}

/// Two clients with a pool each.
pub(crate) fn two_clients() -> Run {
    observed(|config| async move {
        let good = lab(scenario::well_behaved()).await;
        let first = config.clone().build().expect("a client");
        let second = config.build().expect("a client");
        for client in [&first, &second, &first] {
            fetch(client, &good.url("/")).await;
        }
        first.shutdown(PATIENCE).await;
        second.shutdown(PATIENCE).await;
    })
}

/// Calls of HTTP/2 that overlap on one connection.
pub(crate) fn http2() -> Run {
    observed(|config| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(serve_http2(listener));
        let client = config.http2_only().build().expect("a client");
        let mut calls = JoinSet::new();
        for number in 0..5 {
            let (client, url) = (client.clone(), format!("http://{address}/{number}"));
            calls.spawn(async move { fetch(&client, &url).await });
        }
        calls.join_all().await;
        fetch(&client, &format!("http://{address}/last")).await;
        client.shutdown(PATIENCE).await;
        server.abort();
    })
}

/// Answers the first five requests once all have come, and the others at once.
async fn serve_http2(listener: TcpListener) {
    let (socket, _) = listener.accept().await.expect("a connection");
    let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
    let mut waiting = Vec::new();
    let mut count = 0;
    while let Some(Ok((_, answer))) = connection.accept().await {
        waiting.push(answer);
        count += 1;
        if count < 5 {
            continue;
        }
        for mut answer in waiting.drain(..) {
            let head = http::Response::new(());
            answer.send_response(head, true).expect("an open stream");
        }
    }
}
