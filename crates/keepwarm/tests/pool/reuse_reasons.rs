//! Every reason why a connection may not serve again, each brought about by a server and told by its value:
//! in the response's verdict, the error, the numbers and the event of the close. One test per slug.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use keepwarm::reason::{CloseReason, ClosedBy, Phase, ProtocolFault, Reuse};
use keepwarm::{ErrorKind, RequestBody};
use keepwarm_lab::{
    AfterEarly, Behaviour, End, Fault, FaultKind, FaultPoint, Pause, Upload, Which, scenario,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Rig, finish, held, ms, run};

const MEGABYTE: u64 = 1 << 20;

/// A body that gives one piece and then waits for ever.
struct Endless(Option<Bytes>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |data| {
            Poll::Ready(Some(Ok(Frame::data(data))))
        })
    }
}

/// One `GET` to this server loses its connection for this reason.
async fn loses(behaviour: Behaviour, reason: CloseReason) -> Rig {
    let rig = Rig::start(behaviour).await;
    let done = rig.fetch("/").await;
    assert_eq!(done.reuse.primary(), Some(&reason));
    assert_eq!(rig.ended().await, reason);
    let counts = rig.counts();
    assert_eq!((counts.idle, counts.active), (0, 0));
    assert_eq!((counts.opened, counts.requests, counts.reused), (1, 1, 0));
    rig
}

/// Go 3 TransportConnectionCloseOnResponse: a server that says close is obeyed, by closing as well.
/// Same as Go.
#[test]
fn peer_said_close() {
    run(async {
        let rig = loses(scenario::peer_said_close(), CloseReason::PeerSaidClose).await;
        assert_eq!(CloseReason::PeerSaidClose.by(), ClosedBy::Peer);
        let again = rig.fetch("/").await;
        assert!(!again.connection.reused);
        assert_eq!(rig.lab.connections().accepted, 2);
    });
}

#[test]
fn http10() {
    run(async {
        let rig = loses(scenario::http10(), CloseReason::Http10).await;
        assert_eq!(rig.log.endings()[0].requests, 1);
    });
}

#[test]
fn close_delimited() {
    run(async {
        let rig = Rig::start(scenario::close_delimited()).await;
        let done = rig.fetch("/bytes/100000").await;
        assert_eq!(done.body.len(), 100_000);
        assert_eq!(done.reuse, Reuse::close(CloseReason::CloseDelimited));
        assert_eq!(rig.ended().await, CloseReason::CloseDelimited);
    });
}

#[test]
fn body_not_read() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let response = rig.get("/bytes/50000000").send().await.expect("an answer");
        assert_eq!(response.reuse(), None, "the body has not ended");
        drop(response);
        let CloseReason::BodyNotRead { left: Some(left) } = rig.ended().await else {
            panic!("{:?}", rig.log.endings());
        };
        assert!((40_000_000..50_000_000).contains(&left), "{left}");
        assert_eq!(rig.log.endings()[0].closed.by, ClosedBy::Caller);
        rig.lab
            .wait_for(|it| it.connection(1).end().is_some())
            .await;
    });
}

#[test]
fn body_not_read_of_unknown_length_after_its_budget() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let mut response = rig
            .get("/chunked/50000000")
            .send()
            .await
            .expect("an answer");
        let verdict = response.drain(MEGABYTE).await;
        let reason = CloseReason::BodyNotRead { left: None };
        assert_eq!(verdict, Reuse::close(reason));
        assert_eq!(response.reuse(), Some(&verdict));
        assert_eq!(rig.ended().await, reason);
    });
}

#[test]
fn cancelled() {
    run(async {
        let rig = Rig::start(held()).await;
        let call = tokio::spawn(rig.get("/").send());
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        call.abort();
        assert_eq!(rig.ended().await, CloseReason::Cancelled);
        let end = rig.log.endings()[0];
        assert_eq!(end.closed.by, ClosedBy::Caller);
        assert_eq!(end.requests, 1, "the server has it");
        assert_eq!((rig.counts().active, rig.counts().requests), (0, 1));
        rig.lab
            .wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
    });
}

#[test]
fn request_not_sent() {
    run(async {
        let then = AfterEarly::StopReading;
        let refusing = Behaviour {
            status: 413,
            upload: Upload::AnswerEarly { after: 0, then },
            ..Behaviour::default()
        };
        let rig = Rig::start(refusing).await;
        let body = RequestBody::stream(Endless(Some(Bytes::from_static(&[b'x'; 4096]))));
        let response = rig.post("/").body(body).send().await.expect("an answer");
        let done = finish(response).await;
        assert_eq!(done.status, 413);
        assert_eq!(done.reuse, Reuse::close(CloseReason::RequestNotSent));
        assert_eq!(rig.ended().await, CloseReason::RequestNotSent);
    });
}

#[test]
fn no_continue() {
    run(async {
        let rig = Rig::start(scenario::refused_expectation()).await;
        let response = rig.post("/").body("upload").expect_continue().send().await;
        let done = finish(response.expect("an answer")).await;
        assert_eq!(done.status, 417);
        assert_eq!(done.reuse, Reuse::close(CloseReason::NoContinue));
        assert_eq!(rig.ended().await, CloseReason::NoContinue);
        assert_eq!(rig.lab.transcript().request(1, 1).body_bytes, 0);
    });
}

#[test]
fn switched_protocols() {
    run(async {
        let rig = Rig::start(scenario::upgrade("echo")).await;
        let request = rig
            .get("/")
            .header("connection", "upgrade")
            .header("upgrade", "echo");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 101);
        let reason = CloseReason::SwitchedProtocols;
        assert_eq!(response.reuse(), Some(&Reuse::close(reason)));
        assert_eq!(rig.ended().await, reason, "the pool has let go of it");
        let mut switched = response.into_upgraded().expect("the connection");
        switched
            .write_all(b"other words")
            .await
            .expect("an open connection");
        let mut echo = [0; 11];
        switched.read_exact(&mut echo).await.expect("an echo");
        assert_eq!(&echo, b"other words");
        assert_eq!((rig.counts().active, rig.counts().requests), (0, 1));
    });
}

#[test]
fn stray_bytes() {
    run(async {
        let reason = CloseReason::StrayBytes { bytes: 5 };
        loses(scenario::stray_bytes(), reason).await;
    });
}

#[test]
fn stray_bytes_on_an_idle_connection() {
    run(async {
        let rig = Rig::start(scenario::stray_bytes_while_idle(Pause::gate("stray"))).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        rig.lab.open("stray");
        let reason = rig.ended().await;
        let CloseReason::StrayBytes { bytes } = reason else {
            panic!("{reason:?}");
        };
        assert!(bytes > 0);
        assert_eq!(rig.counts().idle, 0);
        let next = rig.fetch("/").await;
        assert_eq!(
            next.body, b"hello, world\n",
            "stray bytes are never an answer"
        );
    });
}

#[test]
fn peer_closed_idle() {
    run(async {
        let rig = Rig::start(scenario::idle_close_at("close")).await;
        assert!(rig.fetch("/").await.reuse.is_keep());
        let parked = std::time::Instant::now();
        rig.lab.open("close");
        let reason = rig.ended().await;
        let CloseReason::PeerClosedIdle { idle, .. } = reason else {
            panic!("{reason:?}");
        };
        assert!(idle <= parked.elapsed() + ms(100), "{idle:?}");
        assert_eq!(rig.log.endings()[0].closed.by, ClosedBy::Peer);
        assert_eq!(
            rig.lab.transcript().connection(1).end(),
            Some(End::ClosedByLab)
        );
    });
}

/// Go 166 Is408: what begins like a 408 on an idle connection is a close.
/// Same as Go.
#[test]
fn peer_closed_idle_by_reset_or_408_is_a_close_all_the_same() {
    run(async {
        for ending in [
            scenario::reset_on_idle(ms(20)),
            scenario::timeout_408_on_idle(ms(20)),
        ] {
            let rig = Rig::start(ending).await;
            rig.fetch("/").await;
            let reason = rig.ended().await;
            assert_eq!(reason.slug(), "peer-closed-idle", "{reason:?}");
        }
    });
}

#[test]
fn peer_broke_protocol() {
    run(async {
        let rig = Rig::start(scenario::length_too_long(7)).await;
        let mut response = rig.get("/").send().await.expect("a head");
        let error = loop {
            match response.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the body is cut short"),
                Err(error) => break error,
            }
        };
        let fault = ProtocolFault::EndedInBody { left: Some(7) };
        let reason = CloseReason::PeerBrokeProtocol(fault);
        assert_eq!(error.reason(), Some(&reason));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Closed, Phase::Receive)
        );
        assert_eq!(response.reuse(), Some(&Reuse::close(reason)));
        assert_eq!(rig.ended().await, reason);
    });
}

#[test]
fn peer_broke_protocol_in_the_head() {
    run(async {
        let garbage = keepwarm_lab::Script::new()
            .read_head()
            .send("SMTP ready\r\n\r\n")
            .hang();
        let rig = Rig::start(garbage).await;
        let error = rig.get("/").send().await.expect_err("no HTTP");
        let reason = CloseReason::PeerBrokeProtocol(ProtocolFault::NotHttp);
        assert_eq!(error.reason(), Some(&reason));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Protocol, Phase::Wait)
        );
        assert_eq!(rig.ended().await, reason);
    });
}

/// Go 23 TransportPoolConnectionBroken: a connection that broke during its answer does not serve again.
/// Same as Go.
#[test]
fn io_error() {
    run(async {
        let rig = Rig::start(scenario::reset_in_body(1000)).await;
        let response = rig.get("/bytes/100000").send().await.expect("a head");
        let error = response.bytes().await.expect_err("a reset");
        let kind = io::ErrorKind::ConnectionReset;
        let reason = CloseReason::IoError { kind };
        assert_eq!(error.reason(), Some(&reason));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Io, Phase::Receive)
        );
        assert_eq!(rig.ended().await, reason);
    });
}

#[test]
fn we_said_close() {
    run(async {
        let obstinate = Behaviour {
            obeys_close: false,
            ..Behaviour::default()
        };
        let rig = Rig::start(obstinate).await;
        let done = finish(rig.get("/").close().send().await.expect("an answer")).await;
        assert_eq!(done.reuse, Reuse::close(CloseReason::WeSaidClose));
        assert_eq!(rig.ended().await, CloseReason::WeSaidClose);
        assert_eq!(
            rig.lab.transcript().request(1, 1).header("connection"),
            Some("close")
        );
    });
}

#[test]
fn we_said_close_and_the_server_too() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let done = finish(rig.get("/").close().send().await.expect("an answer")).await;
        let both = [CloseReason::WeSaidClose, CloseReason::PeerSaidClose];
        assert_eq!(done.reuse.reasons(), both, "what came first is primary");
    });
}

#[test]
fn the_first_of_several_reasons_is_the_one_that_is_counted() {
    run(async {
        let fault = Fault {
            at: FaultPoint::AfterBodyBytes(4),
            what: FaultKind::Hang,
            which: Which::All,
        };
        let stalling = Behaviour {
            fault: Some(fault),
            ..scenario::peer_said_close()
        };
        let rig = Rig::start(stalling).await;
        let mut response = rig.get("/").send().await.expect("a head");
        let verdict = response.drain(0).await;
        let left = CloseReason::BodyNotRead { left: Some(9) };
        assert_eq!(verdict.reasons(), [CloseReason::PeerSaidClose, left]);
        assert_eq!(rig.ended().await, CloseReason::PeerSaidClose);
    });
}
