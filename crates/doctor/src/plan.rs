//! `Plan`: which connections wait, when so many may be open at once.
//!
//! Owns the order in which they are given up when there are few. Refuses to know what is asked on them.

use std::time::Duration;

use crate::measured::Situation;

/// Below so many connections, one is left for what is asked and answered at once; else two.
const SEVERAL: usize = 8;
/// Connections of HTTP/2 that wait beside those of HTTP/1.1.
const HTTP_2: [Situation; 3] = [
    Situation::Http2,
    Situation::Http2Ping,
    Situation::Http2ConnectOnly,
];
/// What is worth a connection where HTTP/2 is all that is spoken, the most first.
const HTTP_2_ONLY: [Situation; 5] = [
    Situation::Http2,
    Situation::Http2Ping,
    Situation::Http2ConnectOnly,
    Situation::Http2,
    Situation::Http2,
];
/// Steps of the time there is, in eightieths: 10, 20, 30, 45 and 60 s of 80.
const STEPS: [u32; 5] = [10, 20, 30, 45, 60];
/// The same when fewer connections are left.
const FEWER_STEPS: [&[u32]; 6] = [
    &[],
    &[30],
    &[20, 60],
    &[10, 30, 60],
    &[10, 20, 30, 60],
    &STEPS,
];

/// Connections that wait, the first of all not counted: it always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Those that are left idle until they end, by what happens on them before.
    pub(crate) idle: Vec<Situation>,
    /// The same of HTTP/2.
    pub(crate) http2: Vec<Situation>,
    /// Those that are idle until their step, and then used.
    steps: usize,
    /// Whether one is asked now and then.
    pub(crate) is_steady: bool,
}

#[derive(Clone, Copy)]
enum Wish {
    Idle(Situation),
    Step,
    Steady,
}

/// What is worth a connection, the most first.
const WISHES: [Wish; 14] = [
    Wish::Idle(Situation::Asked),
    Wish::Idle(Situation::Probed),
    Wish::Idle(Situation::AfterTen),
    Wish::Step,
    Wish::Idle(Situation::ConnectOnly),
    Wish::Idle(Situation::AfterOne),
    Wish::Idle(Situation::AfterError),
    Wish::Idle(Situation::HandshakeOnly),
    Wish::Steady,
    Wish::Step,
    Wish::Step,
    Wish::Idle(Situation::Probed),
    Wish::Step,
    Wish::Step,
];

impl Plan {
    /// The plan for so many connections.
    pub(crate) fn of(connections: usize, is_https: bool) -> Self {
        let asking = if connections < SEVERAL { 1 } else { 2 };
        let mut plan = Self::default();
        if is_https && connections >= SEVERAL {
            plan.http2 = HTTP_2.to_vec();
        }
        // One is the first connection, which is there.
        let room = connections.saturating_sub(asking + plan.http2.len() + 1);
        let is_possible = |wish: &Wish| match wish {
            Wish::Idle(Situation::HandshakeOnly) => is_https,
            Wish::Idle(_) | Wish::Steady | Wish::Step => true,
        };
        for wish in WISHES.into_iter().filter(is_possible).take(room) {
            match wish {
                Wish::Idle(situation) => plan.idle.push(situation),
                Wish::Step => plan.steps += 1,
                Wish::Steady => plan.is_steady = true,
            }
        }
        plan
    }

    /// The plan where HTTP/2 is all that is spoken.
    pub(crate) fn http2_only(connections: usize) -> Self {
        let asking = if connections < SEVERAL { 1 } else { 2 };
        let room = connections.saturating_sub(asking + 1);
        Self {
            http2: HTTP_2_ONLY.into_iter().take(room).collect(),
            ..Self::default()
        }
    }

    /// Whether a connection waits in this situation.
    pub(crate) fn waits(&self, situation: Situation) -> bool {
        self.idle.contains(&situation) || self.http2.contains(&situation)
    }

    /// How long each of those that are used then is idle.
    pub(crate) fn steps(&self, limit: Duration) -> impl Iterator<Item = Duration> + use<> {
        FEWER_STEPS[self.steps]
            .iter()
            .map(move |step| limit * *step / 80)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_connections_are_the_first_and_one_that_asks() {
        assert_eq!(Plan::of(2, true), Plan::default());
        assert_eq!(Plan::of(0, false), Plan::default());
        assert_eq!(Plan::of(3, false).idle, [Situation::Asked]);
    }

    #[test]
    fn there_is_always_room_for_those_that_ask() {
        for connections in 2..=64 {
            for is_https in [true, false] {
                let plan = Plan::of(connections, is_https);
                let steady = usize::from(plan.is_steady);
                let waiting = plan.idle.len() + plan.steps + plan.http2.len() + steady;
                assert!(waiting + 2 <= connections);
                assert!(is_https || !plan.waits(Situation::HandshakeOnly));
            }
        }
    }

    #[test]
    fn where_http2_is_all_there_is_it_has_the_room() {
        for connections in 2..=64 {
            let plan = Plan::http2_only(connections);
            assert!(plan.http2.len() + 2 <= connections);
        }
        assert_eq!(Plan::http2_only(2), Plan::default());
        assert_eq!(Plan::http2_only(3).http2, [Situation::Http2]);
        assert_eq!(Plan::http2_only(16).http2, HTTP_2_ONLY);
        assert_eq!(Plan::of(16, true).http2, HTTP_2);
    }

    #[test]
    fn the_steps_are_parts_of_the_time_there_is() {
        let steps = |connections, limit| {
            let steps = Plan::of(connections, false).steps(Duration::from_secs(limit));
            steps.map(|step| step.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(steps(16, 80), [10, 20, 30, 45, 60]);
        assert_eq!(steps(16, 640), [80, 160, 240, 360, 480]);
        assert_eq!(steps(6, 80), [30]);
        assert_eq!(steps(4, 80), [0_u64; 0]);
    }
}
