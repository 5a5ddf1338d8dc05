//! `Plan`: which connections wait for their end, when so many may be open at once.
//!
//! Owns the order in which they are given up when there are few. Refuses to know what is asked on them.

use crate::measured::Situation;

/// Below so many connections, one is left for what is asked and answered at once; else two.
const SEVERAL: usize = 8;

/// Connections that wait, the first of all not counted: it always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Those that are left idle, by what happens on them before.
    pub(crate) idle: Vec<Situation>,
}

#[derive(Clone, Copy)]
enum Wish {
    Idle(Situation),
}

/// What is worth a connection, the most first.
const WISHES: [Wish; 7] = [
    Wish::Idle(Situation::Asked),
    Wish::Idle(Situation::AfterTen),
    Wish::Idle(Situation::ConnectOnly),
    Wish::Idle(Situation::AfterOne),
    Wish::Idle(Situation::AfterError),
    Wish::Idle(Situation::AfterOne),
    Wish::Idle(Situation::AfterOne),
];

impl Plan {
    /// The plan for so many connections.
    pub(crate) fn of(connections: usize) -> Self {
        let asking = if connections < SEVERAL { 1 } else { 2 };
        // One is the first connection, which is there.
        let room = connections.saturating_sub(asking + 1);
        let mut plan = Self::default();
        for wish in WISHES.into_iter().take(room) {
            match wish {
                Wish::Idle(situation) => plan.idle.push(situation),
            }
        }
        plan
    }

    /// Whether a connection waits in this situation.
    pub(crate) fn waits(&self, situation: Situation) -> bool {
        self.idle.contains(&situation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_connections_are_the_first_and_one_that_asks() {
        assert_eq!(Plan::of(2), Plan::default());
        assert_eq!(Plan::of(0), Plan::default());
        assert_eq!(Plan::of(3).idle, [Situation::Asked]);
    }

    #[test]
    fn there_is_always_room_for_those_that_ask() {
        for connections in 2..=64 {
            assert!(Plan::of(connections).idle.len() + 2 <= connections);
        }
    }
}
