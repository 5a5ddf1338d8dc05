//! Owns the named servers for demos and tests: one function per way to lose reuse.

use std::time::Duration;

use crate::behaviour::{
    Accept, AfterEarly, Behaviour, Chunks, ConnectionHeader, Expect, Fault, FaultKind, FaultPoint,
    Framing, HugeHead, IdleEnd, Interim, Stray, Upgrade, Upload, Which,
};
use crate::pause::Pause;

fn with(change: impl FnOnce(&mut Behaviour)) -> Behaviour {
    let mut behaviour = Behaviour::default();
    change(&mut behaviour);
    behaviour
}

fn fault(at: FaultPoint, what: FaultKind) -> Behaviour {
    let which = Which::All;
    with(|it| it.fault = Some(Fault { at, what, which }))
}

/// Keeps every connection open for ever: nothing is lost.
#[must_use]
pub fn well_behaved() -> Behaviour {
    Behaviour::default()
}

/// Says `Connection: close` on every answer.
#[must_use]
pub fn peer_said_close() -> Behaviour {
    with(|it| it.connection = ConnectionHeader::Close(Which::All))
}

/// Answers HTTP/1.0 without keep-alive.
#[must_use]
pub fn http10() -> Behaviour {
    with(|it| it.http10 = true)
}

/// Answers HTTP/1.0 with `Connection: keep-alive`: reuse is possible.
#[must_use]
pub fn http10_keep_alive() -> Behaviour {
    with(|it| {
        it.http10 = true;
        it.connection = ConnectionHeader::KeepAlive;
    })
}

/// Sends no length: the end of the connection is the end of the body.
#[must_use]
pub fn close_delimited() -> Behaviour {
    with(|it| it.framing = Framing::UntilClose)
}

/// Closes a connection that was idle for this long, without a word.
#[must_use]
pub fn idle_timeout(timeout: Duration) -> Behaviour {
    with(|it| it.idle_timeout = Some(timeout))
}

/// Closes idle connections after this long, and announces it by `Keep-Alive: timeout=` (whole seconds).
#[must_use]
pub fn announced_idle_timeout(timeout: Duration) -> Behaviour {
    with(|it| {
        it.idle_timeout = Some(timeout);
        it.connection = ConnectionHeader::KeepAlive;
        it.keep_alive = Some(format!("timeout={}", timeout.as_secs()));
    })
}

/// Closes idle connections after this long, and is so far away that its close takes `travels` to arrive.
#[must_use]
pub fn distant_idle_timeout(timeout: Duration, travels: Duration) -> Behaviour {
    with(|it| {
        it.idle_timeout = Some(timeout);
        it.idle_end_travels = travels;
    })
}

/// Closes idle connections when the test opens this gate.
#[must_use]
pub fn idle_close_at(gate: &str) -> Behaviour {
    with(|it| it.idle_gate = Some(gate.to_owned()))
}

/// Resets a connection that was idle for this long.
#[must_use]
pub fn reset_on_idle(timeout: Duration) -> Behaviour {
    with(|it| {
        it.idle_timeout = Some(timeout);
        it.idle_end = IdleEnd::Reset;
    })
}

/// Ends its half of a connection that was idle for this long, and swallows what still comes.
#[must_use]
pub fn half_close_on_idle(timeout: Duration) -> Behaviour {
    with(|it| {
        it.idle_timeout = Some(timeout);
        it.idle_end = IdleEnd::HalfClose;
    })
}

/// Forgets a connection that was idle for this long: no answer, no end, as behind a box that dropped it.
#[must_use]
pub fn silent_drop(timeout: Duration) -> Behaviour {
    with(|it| {
        it.idle_timeout = Some(timeout);
        it.idle_end = IdleEnd::Silence;
    })
}

/// Sends a 408 nobody asked for on a connection that was idle for this long, then closes.
#[must_use]
pub fn timeout_408_on_idle(timeout: Duration) -> Behaviour {
    with(|it| {
        it.idle_timeout = Some(timeout);
        it.idle_end = IdleEnd::Timeout408;
    })
}

/// Serves `most` requests on a connection and says so with the last.
#[must_use]
pub fn max_requests(most: u64) -> Behaviour {
    with(|it| it.max_requests = Some(most))
}

/// Serves `most` requests on a connection, then closes without having said so.
#[must_use]
pub fn max_requests_silent(most: u64) -> Behaviour {
    with(|it| it.max_requests_silent = Some(most))
}

/// Ends connections of this age with their next answer, and says so with it.
#[must_use]
pub fn max_age(age: Duration) -> Behaviour {
    with(|it| it.max_age = Some(age))
}

/// Ends connections of this age behind their next answer, without having said so.
#[must_use]
pub fn max_age_silent(age: Duration) -> Behaviour {
    with(|it| it.max_age_silent = Some(age))
}

/// Sends bytes nobody asked for right behind every answer.
#[must_use]
pub fn stray_bytes() -> Behaviour {
    with(|it| it.stray_with_answer = b"stray".to_vec())
}

/// Sends bytes nobody asked for on an idle connection, after this pause.
#[must_use]
pub fn stray_bytes_while_idle(after: Pause) -> Behaviour {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong".to_vec();
    with(|it| it.stray_idle = Some(Stray { bytes, after }))
}

/// Reads the request and never answers.
#[must_use]
pub fn hang() -> Behaviour {
    fault(FaultPoint::BeforeHead, FaultKind::Hang)
}

/// Stops for ever after so many bytes of the body.
#[must_use]
pub fn stall_in_body(after: u64) -> Behaviour {
    fault(FaultPoint::AfterBodyBytes(after), FaultKind::Hang)
}

/// Resets the connection after so many bytes of the body.
#[must_use]
pub fn reset_in_body(after: u64) -> Behaviour {
    fault(FaultPoint::AfterBodyBytes(after), FaultKind::Reset)
}

/// Closes the connection after so many bytes of the body.
#[must_use]
pub fn body_cut_short(after: u64) -> Behaviour {
    fault(FaultPoint::AfterBodyBytes(after), FaultKind::Close)
}

/// Closes the connection on the request `number`, without an answer: the keep-alive race.
#[must_use]
pub fn close_instead_of_answer(number: u64) -> Behaviour {
    let mut behaviour = fault(FaultPoint::BeforeHead, FaultKind::Close);
    if let Some(fault) = &mut behaviour.fault {
        fault.which = Which::From(number);
    }
    behaviour
}

/// Resets the connection on the request `number`, without an answer.
#[must_use]
pub fn reset_instead_of_answer(number: u64) -> Behaviour {
    let mut behaviour = close_instead_of_answer(number);
    if let Some(fault) = &mut behaviour.fault {
        fault.what = FaultKind::Reset;
    }
    behaviour
}

/// Waits before the head of every answer.
#[must_use]
pub fn slow_head(pause: impl Into<Pause>) -> Behaviour {
    let pause = pause.into();
    with(|it| it.before_head = pause)
}

/// Sends the body in pieces of `piece` bytes with a pause before each further one.
#[must_use]
pub fn slow_body(piece: usize, pause: impl Into<Pause>) -> Behaviour {
    let pause = pause.into();
    with(|it| {
        it.piece_size = Some(piece);
        it.between_pieces = pause;
    })
}

/// Sends chunked bodies in chunks of these sizes, with an extension and a trailer.
#[must_use]
pub fn chunked(sizes: impl Into<Vec<usize>>) -> Behaviour {
    let sizes = sizes.into();
    with(|it| {
        it.framing = Framing::Chunked(Chunks {
            sizes,
            extension: ";name=value".to_owned(),
            trailers: vec![("x-trailer".to_owned(), "yes".to_owned())],
        });
    })
}

/// Announces more body than it sends, then closes.
#[must_use]
pub fn length_too_long(delta: u64) -> Behaviour {
    with(|it| it.framing = Framing::LengthTooLong(delta))
}

/// Sends more body than it announced.
#[must_use]
pub fn length_too_short(delta: u64) -> Behaviour {
    with(|it| it.framing = Framing::LengthTooShort(delta))
}

/// Shuts down its sending side after the first answer and stays.
#[must_use]
pub fn half_close() -> Behaviour {
    with(|it| it.half_close = true)
}

/// Answers right after the head of a request, reads the body all the same, and stays.
#[must_use]
pub fn early_answer() -> Behaviour {
    early(AfterEarly::ReadOn, false)
}

/// Answers 413 with `Connection: close` right after the head, then reads and discards.
#[must_use]
pub fn early_refusal() -> Behaviour {
    early(AfterEarly::ReadThenClose, true)
}

/// Answers 413 with `Connection: close` right after the head and closes at once.
#[must_use]
pub fn early_refusal_and_close() -> Behaviour {
    early(AfterEarly::Close, true)
}

fn early(then: AfterEarly, refusal: bool) -> Behaviour {
    with(|it| {
        it.upload = Upload::AnswerEarly { after: 0, then };
        if refusal {
            it.status = 413;
            it.connection = ConnectionHeader::Close(Which::All);
        }
    })
}

/// Stops reading a request body after so many bytes, and never answers.
#[must_use]
pub fn stop_reading(after: u64) -> Behaviour {
    with(|it| it.upload = Upload::StopReading { after })
}

/// Sends so many `103 Early Hints` before every answer.
#[must_use]
pub fn interim_storm(times: usize) -> Behaviour {
    let (status, headers) = (103, 1);
    let storm = Interim {
        status,
        headers,
        times,
    };
    with(|it| it.interim = vec![storm])
}

/// Adds so many header lines of so many bytes each to every head.
#[must_use]
pub fn huge_head(lines: usize, value_bytes: usize) -> Behaviour {
    with(|it| it.huge_head = Some(HugeHead { lines, value_bytes }))
}

/// Switches to a protocol that sends everything back.
#[must_use]
pub fn upgrade(protocol: &str) -> Behaviour {
    let protocol = protocol.to_owned();
    with(|it| {
        it.upgrade = Some(Upgrade {
            protocol,
            first_bytes: Vec::new(),
        });
    })
}

/// Refuses `Expect: 100-continue` with 417.
#[must_use]
pub fn refused_expectation() -> Behaviour {
    with(|it| it.expect = Expect::Final(417))
}

/// Ignores `Expect: 100-continue`: no interim answer, the body is waited for.
#[must_use]
pub fn ignored_expectation() -> Behaviour {
    with(|it| it.expect = Expect::Ignore)
}

/// Refuses to be connected to.
#[must_use]
pub fn refuse() -> Behaviour {
    with(|it| it.accept = Accept::Refuse)
}

/// Lets connects hang.
#[must_use]
pub fn never_accept() -> Behaviour {
    with(|it| it.accept = Accept::Never)
}

/// Accepts, then closes at once.
#[must_use]
pub fn accept_then_close() -> Behaviour {
    with(|it| it.accept = Accept::ThenClose)
}

/// Accepts, then resets at once.
#[must_use]
pub fn accept_then_reset() -> Behaviour {
    with(|it| it.accept = Accept::ThenReset)
}
