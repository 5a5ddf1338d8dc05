//! Idle connections that die and nobody says so.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use keepwarm_doctor::{Cause, Life, Severity};
use keepwarm_lab::{Behaviour, IdleEnd, scenario};

use crate::kernel;
use crate::support::{answer_ok, examine, examine_url, next_request, served_by};

const MS: fn(u64) -> Duration = Duration::from_millis;
/// Steps of 1, 2, 3, 4.5 and 6 s.
const EIGHT: Duration = Duration::from_secs(8);

#[tokio::test]
async fn a_silent_drop_is_found_between_its_bounds() {
    let it = examine(scenario::silent_drop(MS(2_400)), EIGHT).await;
    it.has(Cause::SilentDrop);
    assert_eq!(it.diagnosis.findings[0].severity, Severity::High);
    let seen = it.diagnosis.silent_drop;
    assert_eq!(seen.found, Some(true));
    let good = seen.last_good.expect("the second step worked");
    let bad = seen.first_bad.expect("the third did not");
    assert!(good.abs_diff(MS(2_000)) < MS(300), "{seen:?}");
    assert!(bad.abs_diff(MS(3_000)) < MS(300), "{seen:?}");
    assert_eq!(seen.tcp_keepalive_helps, Some(false), "{:#?}", it.measured);
    // No end was seen, and nothing is called open either.
    assert_eq!(
        (it.diagnosis.idle.value, it.diagnosis.idle.at_least),
        (None, None)
    );
    assert!(
        it.measured
            .samples
            .iter()
            .any(|sample| matches!(sample.life, Life::Lost(_)))
    );
    let recommended = it.diagnosis.recommendation.idle_timeout;
    assert!(recommended.is_some_and(|it| it < good), "{recommended:?}");
}

/// Answers, and forgets connections that were idle for so long, unless TCP keepalive probes them: a box on the way that
/// counts packets; its URL.
fn forgets_what_nobody_probes(idle: Duration) -> String {
    served_by(move |socket| serve(socket, idle))
}

fn serve(socket: &TcpStream, idle: Duration) -> Option<()> {
    let peer = socket.peer_addr().ok()?.port();
    let mut lines = BufReader::new(socket).lines();
    loop {
        let waiting = Instant::now();
        let probed = || waiting.elapsed() < idle || kernel::probes(peer);
        socket.set_read_timeout(Some(idle)).ok()?;
        while socket.peek(&mut [0]).is_err() && probed() {}
        if !probed() {
            // Only the process ends it.
            loop {
                std::thread::park();
            }
        }
        socket.set_read_timeout(None).ok()?;
        let first = next_request(&mut lines)?;
        answer_ok(socket, &first)?;
    }
}

#[tokio::test]
async fn keepalive_that_keeps_connections_alive_tells_a_box_on_the_way() {
    let it = examine_url(&forgets_what_nobody_probes(MS(2_400)), EIGHT).await;
    it.has(Cause::SilentDrop);
    let seen = it.diagnosis.silent_drop;
    assert_eq!(seen.tcp_keepalive_helps, Some(true), "{:#?}", it.measured);
}

#[tokio::test]
async fn what_ended_before_is_not_waited_for() {
    for end in [IdleEnd::Close, IdleEnd::Reset] {
        let began = Instant::now();
        let behaviour = Behaviour {
            idle_end: end,
            ..scenario::idle_timeout(MS(1_200))
        };
        let it = examine(behaviour, Duration::from_secs(60)).await;
        it.has_no(Cause::SilentDrop);
        // It is made anew while this machine is held up.
        assert!(began.elapsed() < Duration::from_secs(25));
        assert_eq!(it.diagnosis.silent_drop.first_bad, None);
    }
}
