//! Owns the time between requests: who ends it, and when exactly.

use std::time::Duration;

use tokio::time::Instant;

use crate::behaviour::{Behaviour, IdleEnd};
use crate::link::{Link, Over};
use crate::recorder::Shared;

const TIMEOUT_408: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// From when on a connection waits for a request.
#[derive(Debug)]
pub(crate) struct Since {
    at: Instant,
    first: bool,
}

/// What ended the waiting.
enum Event {
    Deadline,
    Input,
    Stray,
}

impl Since {
    /// A connection just accepted.
    pub(crate) fn accepted() -> Self {
        let (at, first) = (Instant::now(), true);
        Self { at, first }
    }

    /// A connection whose last answer has just left.
    pub(crate) fn answered() -> Self {
        let (at, first) = (Instant::now(), false);
        Self { at, first }
    }

    /// Waits for the first byte of the next request; ends the connection when its time is up.
    pub(crate) async fn wait(
        &self,
        link: &mut Link,
        behaviour: &Behaviour,
        shared: &Shared,
    ) -> Result<(), Over> {
        link.inbox.skip_blank_lines();
        if !link.inbox.is_empty() {
            return Ok(());
        }
        let time_up = self.deadline(behaviour, link.number());
        let deadline = async {
            match time_up {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let gate = async {
            match &behaviour.idle_gate {
                Some(name) if !self.first => shared.gates.wait(name).await,
                Some(_) | None => std::future::pending().await,
            }
        };
        let stray = behaviour.stray_idle.as_ref().filter(|_| !self.first);
        let stray_due = async {
            match stray {
                Some(stray) => stray.after.wait(&shared.gates).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(deadline, gate, stray_due);
        let mut stray_sent = false;
        loop {
            let event = tokio::select! {
                biased;
                filled = link.fill() => { filled?; Event::Input }
                () = &mut stray_due, if !stray_sent => Event::Stray,
                () = &mut deadline => Event::Deadline,
                () = &mut gate => Event::Deadline,
            };
            match event {
                Event::Input => return Ok(()),
                Event::Deadline => return Err(end(link, behaviour).await),
                Event::Stray => {
                    stray_sent = true;
                    let bytes = stray.map(|stray| stray.bytes.as_slice());
                    link.send(bytes.unwrap_or_default()).await?;
                }
            }
        }
    }

    fn deadline(&self, behaviour: &Behaviour, number: u64) -> Option<Instant> {
        let limit = if self.first {
            behaviour.first_request_timeout?
        } else {
            let timeout = behaviour.idle_timeout?;
            jittered(timeout, behaviour.idle_jitter, number)
        };
        self.at.checked_add(limit)
    }
}

/// The timeout of one connection, within the jitter to either side; the same in every run.
fn jittered(timeout: Duration, jitter: Duration, number: u64) -> Duration {
    // SplitMix64: neighbouring numbers land far apart.
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let share = f64::from((mixed >> 40) as u32) / f64::from(1_u32 << 24);
    (timeout + jitter.mul_f64(2.0 * share)).saturating_sub(jitter)
}

async fn end(link: &mut Link, behaviour: &Behaviour) -> Over {
    if !behaviour.idle_end_travels.is_zero() {
        let travelling = tokio::time::timeout(behaviour.idle_end_travels, link.fill());
        match travelling.await {
            Ok(Ok(())) => return link.reset(),
            Ok(Err(over)) => return over,
            Err(_arrived) => {}
        }
    }
    match behaviour.idle_end {
        IdleEnd::Close => link.close().await,
        IdleEnd::HalfClose => match link.half_close().await {
            Ok(()) => link.hang().await,
            Err(over) => over,
        },
        IdleEnd::Reset => link.reset(),
        IdleEnd::Silence => link.stall().await,
        IdleEnd::Timeout408 => match link.send(TIMEOUT_408).await {
            Ok(()) => link.close().await,
            Err(over) => over,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_its_bounds_and_varies() {
        let [timeout, jitter] = [100, 10].map(Duration::from_millis);
        let times = (1..100).map(|number| jittered(timeout, jitter, number));
        let times = times.collect::<Vec<_>>();
        let near = |time: &Duration| time.abs_diff(timeout) <= jitter;
        assert!(times.iter().all(near));
        assert!(times.iter().any(|time| *time > timeout));
        assert!(times.iter().any(|time| *time < timeout));
        assert_eq!(jittered(timeout, Duration::ZERO, 7), timeout);
    }
}
