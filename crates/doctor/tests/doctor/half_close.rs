//! Half of a connection: the server's, and ours.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::Duration;

use keepwarm_doctor::{AfterTheirs, Cause};
use keepwarm_lab::scenario;

use crate::support::{answer_ok, examine, examine_url, next_request, served_by};

const SOON: Duration = Duration::from_secs(20);
const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test]
async fn an_end_of_the_servers_half_alone_is_found_and_a_close_is_not() {
    let it = examine(scenario::half_close_on_idle(MS(900)), SOON).await;
    it.has(Cause::HalfClosedIdle).idles(MS(900));
    assert_eq!(
        it.measured.half_close.after_theirs,
        Some(AfterTheirs::Swallowed)
    );
    let it = examine(scenario::idle_timeout(MS(900)), SOON).await;
    it.has_no(Cause::HalfClosedIdle);
    assert_eq!(
        it.measured.half_close.after_theirs,
        Some(AfterTheirs::Reset)
    );
}

#[tokio::test]
async fn an_end_of_the_servers_half_right_behind_the_first_answer_is_found() {
    let it = examine(scenario::half_close(), SOON).await;
    it.has(Cause::HalfClosedIdle).has(Cause::KeepAliveDisabled);
}

/// Answers late, and only whom it sees connected still; its URL.
fn gives_up_on_half_connections() -> String {
    served_by(serve)
}

fn serve(socket: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(socket).lines();
    socket.set_read_timeout(Some(MS(100))).ok()?;
    loop {
        let first = next_request(&mut lines)?;
        // Our FIN comes right behind the request, if it comes.
        if matches!(socket.peek(&mut [0]), Ok(0)) {
            return None;
        }
        answer_ok(socket, &first)?;
    }
}

#[tokio::test]
async fn whether_a_request_before_our_end_is_answered_is_told() {
    let it = examine(scenario::idle_timeout(MS(700)), SOON).await;
    assert_eq!(it.measured.half_close.answers_after_ours, Some(true));
    let it = examine_url(&gives_up_on_half_connections(), MS(1_500)).await;
    assert_eq!(it.measured.half_close.answers_after_ours, Some(false));
}
