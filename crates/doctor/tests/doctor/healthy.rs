//! Servers that are well: nothing may be found.

use std::time::Duration;

use keepwarm_lab::{Behaviour, ConnectionHeader, Pause, scenario};

use crate::support::examine;

const BRIEF: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn ten_healthy_servers_have_no_findings() {
    let with = |change: fn(&mut Behaviour)| {
        let mut behaviour = Behaviour::default();
        change(&mut behaviour);
        behaviour
    };
    let healthy = [
        scenario::well_behaved(),
        scenario::idle_timeout(Duration::from_secs(60)),
        scenario::announced_idle_timeout(Duration::from_secs(60)),
        scenario::chunked([3, 5, 100]),
        scenario::slow_head(Pause::For(Duration::from_millis(20))),
        scenario::interim_storm(2),
        scenario::max_requests(100_000),
        with(|it| it.connection = ConnectionHeader::KeepAlive),
        with(|it| it.status = 404),
        with(|it| it.body = keepwarm_lab::Content::Size(200_000)),
    ];
    for behaviour in healthy {
        let said = format!("{behaviour:?}");
        let it = examine(behaviour, BRIEF).await;
        assert!(it.causes().is_empty(), "{said}: {:#?}", it.diagnosis);
        assert_eq!(it.measured.reuse, Some(true), "{said}");
        it.is_healthy();
    }
}

#[tokio::test]
async fn an_examination_is_gentle() {
    let lab = keepwarm_lab::Lab::spawn_thread(scenario::well_behaved());
    let mut examination = crate::support::begin(&lab.url("/a"), crate::support::within(BRIEF))
        .await
        .expect("it is there");
    examination.finished().await;
    let transcript = lab.transcript();
    for connection in transcript.connections() {
        for request in connection.requests() {
            assert!(
                matches!(request.method.as_str(), "GET" | "HEAD"),
                "{request:?}"
            );
            let agent = request.header("user-agent").expect("it says who it is");
            assert!(agent.starts_with("keepwarm-doctor/"), "{agent}");
        }
    }
}

#[tokio::test]
async fn a_server_that_says_too_many_requests_is_not_asked_further() {
    let answer = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
    let steps =
        |script: keepwarm_lab::Script, status: &str| script.read_request().send(answer(status));
    let script = (0..12).fold(keepwarm_lab::Script::new(), |script, _| {
        steps(script, "200 OK")
    });
    let script = (0..400).fold(script, |script, _| steps(script, "429 Too Many Requests"));
    let it = examine(script, BRIEF).await;
    let known = it
        .measured
        .max_requests
        .as_ref()
        .expect("some were answered");
    assert_eq!((known.counts.len(), known.at_least), (0, 12));
    assert!(
        it.measured.notes.iter().any(|note| note.contains("429")),
        "{:?}",
        it.measured.notes
    );
}
