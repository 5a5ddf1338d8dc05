//! Runtimes that go while others call: a connection lives and dies with the one it was opened on.

use keepwarm::reason::CloseReason;
use keepwarm::{Client, ErrorKind};
use tokio::runtime::{Builder, Runtime};

use crate::common::{bounded, build, is_quiet, settle, text, totals};
use crate::peer::{Answer, Conduct, Peer};

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// The server has a runtime of its own, in a thread that runs until the guard is dropped.
fn serving() -> (Peer, Runtime) {
    let home = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let home = home.expect("a runtime");
    let by_path = |path: &str, _| match path {
        "/silent" => Answer::Silence,
        "/head" => Answer::Head,
        _ => Answer::Path,
    };
    let peer = home.block_on(Peer::start(Conduct::new(by_path)));
    (peer, home)
}

fn client() -> Client {
    build(Client::builder().http2_only())
}

#[test]
fn a_client_outlives_the_runtimes_it_is_used_on() {
    let (peer, _home) = serving();
    let client = client();
    for _ in 0..10 {
        runtime().block_on(bounded(async {
            assert_eq!(text(&client, &peer.url("/a")).await, "/a");
            assert_eq!(text(&client, &peer.url("/b")).await, "/b");
        }));
    }
    let counts = totals(&client);
    assert_eq!((counts.opened, counts.requests), (10, 20), "{counts:?}");
    assert_eq!(counts.closed_as("runtime-gone"), 10, "{counts:?}");
    assert!(is_quiet(&counts), "{counts:?}");
}

#[test]
fn a_body_read_after_its_runtime_died_is_an_error() {
    let (peer, _home) = serving();
    let client = client();
    let dying = runtime();
    let call = client.get(peer.url("/head")).send();
    let mut response = dying.block_on(bounded(call)).expect("a head");
    drop(dying);
    let read = runtime().block_on(bounded(response.chunk()));
    let error = read.expect_err("its connection is gone");
    assert_eq!(error.reason(), Some(&CloseReason::RuntimeGone), "{error:?}");
    drop(response);
    let counts = totals(&client);
    assert!(is_quiet(&counts), "{counts:?}");
    assert_eq!(counts.closed_as("runtime-gone"), 1, "{counts:?}");
}

#[test]
fn a_call_polled_elsewhere_when_its_runtime_dies_ends() {
    let (peer, _home) = serving();
    let client = client();
    let dying = runtime();
    let mut call = Box::pin(client.get(peer.url("/silent")).send());
    dying.block_on(bounded(async {
        let arrived = async {
            while peer.requests() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = &mut call => panic!("an answer: {answer:?}"),
            () = arrived => {}
        }
    }));
    drop(dying);
    let error = runtime()
        .block_on(bounded(call))
        .expect_err("nobody answers");
    assert!(
        matches!(error.kind(), ErrorKind::Closed | ErrorKind::Io),
        "{error:?}"
    );
    assert_eq!(error.reason(), Some(&CloseReason::RuntimeGone), "{error:?}");
    assert!(is_quiet(&totals(&client)));
}

#[test]
fn calls_on_one_runtime_outlive_another() {
    let (peer, _home) = serving();
    let client = client();
    let (staying, dying) = (runtime(), runtime());
    dying.block_on(bounded(text(&client, &peer.url("/a"))));
    staying.block_on(bounded(text(&client, &peer.url("/a"))));
    drop(dying);
    staying.block_on(bounded(async {
        for _ in 0..5 {
            assert_eq!(text(&client, &peer.url("/b")).await, "/b");
        }
        let counts = settle(&client, is_quiet).await;
        assert_eq!((counts.opened, counts.idle), (2, 1), "{counts:?}");
        assert_eq!(counts.closed_as("runtime-gone"), 1, "{counts:?}");
    }));
}
