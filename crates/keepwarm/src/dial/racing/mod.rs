//! The shell of a race for one connection: [`Race`] decides, this asks, connects and waits.
//!
//! Owns the queries, attempts and timer of one race: they are its own, and are gone when it is dropped. Refuses to
//! know what connecting is, and what is remembered of names.

#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use keepwarm_core::race::{Action, AttemptId, Families, Family, Race, Why};
use tokio::time::Sleep;

use super::{Answer, BoxFuture};
use crate::clock;

/// The questions that are still open.
#[derive(Default)]
pub(super) struct Queries<'a> {
    pub(super) v4: Option<BoxFuture<'a, io::Result<Answer>>>,
    pub(super) v6: Option<BoxFuture<'a, io::Result<Answer>>>,
}

/// A race that is won.
#[derive(Debug)]
pub(super) struct Won<T> {
    pub(super) stream: T,
    pub(super) address: SocketAddr,
    /// Whether that was the first address that was tried.
    pub(super) was_first: bool,
    /// When the first attempt began: from then on it was connecting, not resolving.
    pub(super) connecting: Instant,
}

/// A race that is lost, with all that it met.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) why: Why,
    pub(super) race: Race<io::Error>,
}

enum Event<T> {
    Answered(Family, io::Result<Answer>),
    Ended(AttemptId, io::Result<T>),
    Time,
}

/// Attempts under way. Few: a race starts one every quarter of a second.
type Running<F> = Vec<(AttemptId, Pin<Box<F>>)>;

/// Runs a race to its end. Each answer is shown to `heard` before the race uses it.
pub(super) async fn run<T, F>(
    mut race: Race<io::Error>,
    mut queries: Queries<'_>,
    heard: impl Fn(Family, &Answer),
    connect: impl Fn(SocketAddr) -> F,
) -> Result<Won<T>, Lost>
where
    F: Future<Output = io::Result<T>>,
{
    let mut running: Running<F> = Vec::new();
    let mut connected: Option<T> = None;
    let mut timer = std::pin::pin!(tokio::time::sleep_until(tokio::time::Instant::now()));
    // With an answer from before the race it may have something to do already.
    loop {
        while let Some(action) = race.next_action() {
            match action {
                Action::Cancel { attempt } => running.retain(|(id, _)| *id != attempt),
                Action::Failed { why } => return Err(Lost { why, race }),
                Action::Start { attempt, address } => {
                    running.push((attempt, Box::pin(connect(address))));
                }
                Action::Won { attempt } => {
                    if let Some(stream) = connected.take() {
                        return Ok(won(&race, attempt, stream));
                    }
                }
            }
        }
        let deadline = race.next_deadline();
        if let Some(deadline) = deadline {
            timer.as_mut().reset(deadline.into());
        }
        let event = poll_fn(|cx| {
            let timer = deadline.is_some().then_some(timer.as_mut());
            poll_event(cx, &mut queries, &mut running, timer)
        })
        .await;
        let now = clock::now();
        match event {
            Event::Answered(family, Ok(answer)) => {
                heard(family, &answer);
                race.on_resolved(now, Families::Only(family), &answer.addresses);
            }
            Event::Answered(family, Err(error)) => {
                race.on_unresolved(now, Families::Only(family), error);
            }
            Event::Ended(attempt, Ok(stream)) => {
                connected = Some(stream);
                race.on_connected(now, attempt);
            }
            Event::Ended(attempt, Err(error)) => race.on_failed(now, attempt, error),
            Event::Time => race.on_time(now),
        }
    }
}

fn won<T>(race: &Race<io::Error>, attempt: AttemptId, stream: T) -> Won<T> {
    let attempts = race.attempts();
    Won {
        stream,
        address: attempts[attempt.0].address,
        was_first: attempt.0 == 0,
        connecting: attempts[0].started,
    }
}

/// In this order, so that a given interleaving always ends the same: answers first, time last. A connection that is
/// there when the time is over is a connection.
fn poll_event<T, F>(
    cx: &mut Context<'_>,
    queries: &mut Queries<'_>,
    running: &mut Running<F>,
    timer: Option<Pin<&mut Sleep>>,
) -> Poll<Event<T>>
where
    F: Future<Output = io::Result<T>>,
{
    for (family, query) in [(Family::V6, &mut queries.v6), (Family::V4, &mut queries.v4)] {
        if let Some(asked) = query
            && let Poll::Ready(answer) = asked.as_mut().poll(cx)
        {
            *query = None;
            return Poll::Ready(Event::Answered(family, answer));
        }
    }
    for index in 0..running.len() {
        let (attempt, future) = &mut running[index];
        if let Poll::Ready(outcome) = future.as_mut().poll(cx) {
            let attempt = *attempt;
            drop(running.remove(index));
            return Poll::Ready(Event::Ended(attempt, outcome));
        }
    }
    match timer {
        Some(timer) => timer.poll(cx).map(|()| Event::Time),
        None => Poll::Pending,
    }
}
