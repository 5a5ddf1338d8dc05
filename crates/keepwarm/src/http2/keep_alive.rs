//! `KeepAlive`: when a connection is asked whether it still lives.
//!
//! Owns the times between two questions and the time for an answer. Refuses to send anything: it says when.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::settings::Http2;
use crate::clock;

/// Each question waits so many times longer than the one before, while nothing but its answers is read: gRPC servers
/// hang up on the third within five minutes.
const PATIENCE: u32 = 4;
/// The longest time between two questions.
const LONGEST: Duration = Duration::from_secs(3600);

/// The questions of one connection.
pub(super) struct KeepAlive {
    after: Option<Duration>,
    timeout: Duration,
    while_idle: bool,
    state: State,
    /// The silence after which it is asked next.
    silence: Duration,
    /// One timer, re-armed.
    sleep: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
enum State {
    /// Nobody waits.
    Resting,
    /// Somebody waits: silent since so many bytes were read.
    Listening { read: u64, until: Instant },
    /// Asked, when so many bytes were read.
    Asked { read: u64, until: Instant },
}

/// What is to be done.
pub(super) enum Due {
    /// Ask.
    Ask,
    /// It did not answer.
    Dead,
}

impl KeepAlive {
    pub(super) fn new(settings: &Http2) -> Self {
        Self {
            after: settings.ping_after,
            timeout: settings.ping_timeout,
            while_idle: settings.ping_idle,
            state: State::Resting,
            silence: Duration::ZERO,
            sleep: None,
        }
    }

    /// The question was answered.
    pub(super) fn answered(&mut self, read: u64) {
        self.silence = (self.silence * PATIENCE).min(LONGEST);
        self.listen(read);
    }

    fn listen(&mut self, read: u64) {
        let until = clock::now() + self.silence;
        self.state = State::Listening { read, until };
    }

    /// What is due. Otherwise the task is woken when something may be. `read`: bytes read so far.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, waited_for: bool, read: u64) -> Poll<Due> {
        let Some(after) = self.after else {
            return Poll::Pending;
        };
        loop {
            let until = match self.state {
                State::Resting if waited_for || self.while_idle => {
                    self.silence = after;
                    self.listen(read);
                    continue;
                }
                State::Resting => return Poll::Pending,
                State::Listening { .. } if !waited_for && !self.while_idle => {
                    self.state = State::Resting;
                    return Poll::Pending;
                }
                State::Listening { until, .. } | State::Asked { until, .. } => until,
            };
            if self.sleep_until(cx, until).is_pending() {
                return Poll::Pending;
            }
            match self.state {
                State::Asked { read: before, .. } | State::Listening { read: before, .. }
                    if before != read =>
                {
                    self.silence = after;
                    self.listen(read);
                }
                State::Asked { .. } => return Poll::Ready(Due::Dead),
                State::Listening { .. } | State::Resting => {
                    let until = clock::now() + self.timeout;
                    self.state = State::Asked { read, until };
                    return Poll::Ready(Due::Ask);
                }
            }
        }
    }

    fn sleep_until(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let until = tokio::time::Instant::from_std(until);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}
