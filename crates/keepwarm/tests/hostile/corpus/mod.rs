//! What hostile servers answer, and what must become of it: data only.
//!
//! Owns the bytes and the expectations. Refuses to know how they are played.

mod bodies;
mod framing;
mod heads;

use std::borrow::Cow;

use keepwarm::reason::ProtocolFault as Fault;

pub(crate) use bodies::CHUNKS;
pub(crate) use framing::{BEHIND, FRAMING, INTERIM};
pub(crate) use heads::{FIELDS, STARTS};

/// One answer of a hostile server.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) answer: Cow<'static, [u8]>,
    pub(crate) after: After,
    pub(crate) want: Want,
}

/// What the server does behind its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing: the connection stays open.
    Stays,
    /// It closes.
    Closes,
}

/// What must become of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// The call fails with this.
    Fault(Fault),
    /// It is legal: the body, and the connection serves the next call too.
    Kept(&'static str),
    /// Its first part is legal: the body, and the connection is lost for this reason (a slug).
    Lost(&'static str, &'static str),
}

const fn case(name: &'static str, answer: &'static [u8], want: Want) -> Case {
    Case {
        name,
        answer: Cow::Borrowed(answer),
        after: After::Stays,
        want,
    }
}

const fn bad(name: &'static str, answer: &'static [u8], fault: Fault) -> Case {
    case(name, answer, Want::Fault(fault))
}

const fn closing(name: &'static str, answer: &'static [u8], want: Want) -> Case {
    Case {
        name,
        answer: Cow::Borrowed(answer),
        after: After::Closes,
        want,
    }
}
