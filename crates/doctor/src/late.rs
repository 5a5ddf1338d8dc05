//! The late use: one request on a connection that was idle for a while and has not ended.
//!
//! Owns the difference between a connection that is alive, one that was dropped without a word, and a server that is
//! slow just now: a fresh connection is asked at the same time. Refuses to judge.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::bench::{Bench, Waiting};
use crate::ending::EndedBy;
use crate::measured::{LateOutcome, LateUse, Life, Situation};
use crate::trouble::Trouble;
use crate::wire::Wire;

/// What TCP waits at least before it sends again (RFC 6298 §2.4 has a second, systems have this).
const SMALLEST_RTO: Duration = Duration::from_millis(200);
/// Silence is not called so before this.
const LEAST_PATIENCE: Duration = Duration::from_millis(750);

impl Bench {
    /// How long an answer may take until a fresh connection is asked, too.
    pub(crate) fn late_patience(&self, wire: &Wire) -> Duration {
        let rto = SMALLEST_RTO + wire.round_trip;
        LEAST_PATIENCE.max(3 * rto).max(4 * self.first.took)
    }

    /// Asks on a connection that was idle since `since`, and notes what it met; none when that tells nothing.
    pub(crate) async fn use_late(
        &self,
        wire: &mut Wire,
        address: SocketAddr,
        since: Instant,
        probed: bool,
    ) -> Option<LateOutcome> {
        let idle = since.elapsed();
        let patience = self.late_patience(wire);
        let authority = self.target.authority();
        let outcome = match wire.ask(&self.plain(), authority, patience).await {
            Ok(_) => LateOutcome::Answered,
            Err(Trouble::Timeout { .. }) => {
                let another = self.another_is_answered(address).await;
                (another && is_silent(wire).await).then_some(LateOutcome::Silence)?
            }
            Err(Trouble::Ended {
                by: EndedBy::Rst,
                answered: false,
            }) => {
                let another = self.another_is_answered(address).await;
                another.then_some(LateOutcome::Reset)?
            }
            // An end that crossed our request.
            Err(_) => return None,
        };
        self.put(|measured| {
            measured.late_uses.push(LateUse {
                idle,
                probed,
                outcome,
            });
        });
        Some(outcome)
    }

    async fn another_is_answered(&self, address: SocketAddr) -> bool {
        let Ok(mut wire) = self.open(address).await else {
            return false;
        };
        let patience = self.late_patience(&wire);
        let authority = self.target.authority();
        wire.ask(&self.plain(), authority, patience).await.is_ok()
    }

    /// The last question on a connection whose end did not come.
    pub(crate) async fn ask_once_more(&self, wire: &mut Wire, waiting: &Waiting) -> Life {
        let open = waiting.since.elapsed();
        let is_served = match waiting.situation {
            Situation::AfterError
            | Situation::AfterOne
            | Situation::AfterTen
            | Situation::Asked
            | Situation::Probed => true,
            Situation::ConnectOnly
            | Situation::HandshakeOnly
            | Situation::Http2
            | Situation::Http2ConnectOnly
            | Situation::Http2Ping => false,
        };
        if !is_served {
            return Life::Open(open);
        }
        let probed = waiting.situation == Situation::Probed;
        match self
            .use_late(wire, waiting.address, waiting.since, probed)
            .await
        {
            Some(LateOutcome::Answered) | None => Life::Open(open),
            Some(LateOutcome::Reset | LateOutcome::Silence) => Life::Lost(open),
        }
    }

    /// Nothing came back to TCP's own probes: it is dead, and nobody said so.
    pub(crate) fn lost_by_probes(&self, after: Duration) -> Life {
        let lost = LateUse {
            idle: after,
            probed: true,
            outcome: LateOutcome::Silence,
        };
        self.put(|measured| measured.late_uses.push(lost));
        Life::Lost(after)
    }
}

/// Whether nothing at all has come, not even the beginning of an answer.
async fn is_silent(wire: &mut Wire) -> bool {
    timeout(Duration::from_millis(1), wire.end()).await.is_err()
}
