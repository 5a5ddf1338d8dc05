//! The states of an exchange and every transition between them.
//!
//! Owns the two tables: sending a request, receiving its answer. Refuses to know bytes.

use crate::reason::ProtocolFault;

/// How far the request has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Its head is being written. Next: `AwaitContinue`, `Body`, `Done` or `Stopped`.
    Head,
    /// The body waits for `100 Continue` (RFC 9110 §10.1.1). Next: `Body`, `Done` or `Stopped`.
    AwaitContinue,
    /// The body is being written. Next: `Done` or `Stopped`.
    Body,
    /// It was written whole. Terminal.
    Done,
    /// Its body will not be written (any further). Terminal.
    Stopped,
}

/// What moves [`Sending`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendStep {
    /// The head was written and there is no body.
    HeadSentNoBody,
    /// The head was written and the body follows.
    HeadSent,
    /// The head was written and the body must wait.
    HeadSentAwait,
    /// The head was written; a final answer that came before makes the awaited body needless.
    HeadSentAnswered,
    /// `100 Continue` came, or waiting for it took too long.
    GoOn,
    /// The final answer came.
    Answered,
    /// The body was written.
    BodySent,
    /// The caller gives the body up.
    Stop,
}

impl Sending {
    /// The whole table. A step that means nothing in a state leaves it as it is.
    pub(crate) fn after(self, step: SendStep) -> Self {
        use SendStep as Step;
        match (self, step) {
            (Self::Head, Step::HeadSentNoBody) => Self::Done,
            (Self::Head, Step::HeadSent) => Self::Body,
            (Self::Head, Step::HeadSentAwait) => Self::AwaitContinue,
            (Self::Head, Step::HeadSentAnswered) => Self::Stopped,
            (Self::AwaitContinue, Step::GoOn) => Self::Body,
            (Self::AwaitContinue, Step::Answered) => Self::Stopped,
            (Self::AwaitContinue | Self::Body, Step::BodySent) => Self::Done,
            (Self::AwaitContinue | Self::Body, Step::Stop) => Self::Stopped,
            (Self::Head, Step::GoOn | Step::Answered | Step::BodySent | Step::Stop)
            | (
                Self::AwaitContinue,
                Step::HeadSentNoBody
                | Step::HeadSent
                | Step::HeadSentAwait
                | Step::HeadSentAnswered,
            )
            | (
                Self::Body,
                Step::HeadSentNoBody
                | Step::HeadSent
                | Step::HeadSentAwait
                | Step::HeadSentAnswered
                | Step::GoOn
                | Step::Answered,
            )
            | (Self::Done | Self::Stopped, _) => self,
        }
    }
}

/// How far the answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiving {
    /// A head is awaited. Next: `Head` (interim), `Body`, `Ending`, `Switched` or `Broken`.
    Head,
    /// The body comes. Next: `Body`, `Ending`, `Complete` or `Broken`.
    Body,
    /// All bytes came; the caller has not been told yet. Next: `Complete`.
    Ending,
    /// All bytes came and the caller knows. Terminal.
    Complete,
    /// The connection speaks another protocol. Terminal.
    Switched,
    /// The peer broke the protocol. Terminal; keeps the cause.
    Broken(ProtocolFault),
}

/// What moves [`Receiving`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiveStep {
    /// An interim head came.
    Interim,
    /// The final head came, and a body follows.
    HeadWithBody,
    /// The final head came, and with it the whole answer.
    HeadOnly,
    /// The head that ends HTTP on this connection came.
    Switch,
    /// The body's last byte came, and the caller does not know yet.
    LastByte,
    /// The caller was told of the end.
    Told,
    /// The peer broke the protocol.
    Break(ProtocolFault),
}

impl Receiving {
    /// The whole table. A step that means nothing in a state leaves it as it is.
    pub(crate) fn after(self, step: ReceiveStep) -> Self {
        use ReceiveStep as Step;
        match (self, step) {
            (Self::Head, Step::Interim) => Self::Head,
            (Self::Head, Step::HeadWithBody) => Self::Body,
            (Self::Head, Step::HeadOnly) | (Self::Body, Step::LastByte) => Self::Ending,
            (Self::Head, Step::Switch) => Self::Switched,
            (Self::Body | Self::Ending, Step::Told) => Self::Complete,
            (Self::Head | Self::Body, Step::Break(fault)) => Self::Broken(fault),
            (Self::Head, Step::LastByte | Step::Told)
            | (Self::Body, Step::Interim | Step::HeadWithBody | Step::HeadOnly | Step::Switch)
            | (
                Self::Ending,
                Step::Interim
                | Step::HeadWithBody
                | Step::HeadOnly
                | Step::Switch
                | Step::LastByte
                | Step::Break(_),
            )
            | (Self::Complete | Self::Switched | Self::Broken(_), _) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [SendStep; 8] = [
        SendStep::HeadSentNoBody,
        SendStep::HeadSent,
        SendStep::HeadSentAwait,
        SendStep::HeadSentAnswered,
        SendStep::GoOn,
        SendStep::Answered,
        SendStep::BodySent,
        SendStep::Stop,
    ];

    /// Where a state may go, as its doc line says.
    fn successors(state: Sending) -> Vec<Sending> {
        let mut found: Vec<Sending> = Vec::new();
        for next in STEPS.map(|step| state.after(step)) {
            if next != state && !found.contains(&next) {
                found.push(next);
            }
        }
        found
    }

    #[test]
    fn sending_goes_where_its_documentation_says_and_nowhere_else() {
        use Sending::{AwaitContinue, Body, Done, Head, Stopped};
        assert_eq!(successors(Head), [Done, Body, AwaitContinue, Stopped]);
        assert_eq!(successors(AwaitContinue), [Body, Stopped, Done]);
        assert_eq!(successors(Body), [Done, Stopped]);
        assert_eq!(successors(Done), []);
        assert_eq!(successors(Stopped), []);
    }

    #[test]
    fn receiving_goes_where_its_documentation_says_and_nowhere_else() {
        let broken = Receiving::Broken(ProtocolFault::NotHttp);
        let steps = [
            ReceiveStep::Interim,
            ReceiveStep::HeadWithBody,
            ReceiveStep::HeadOnly,
            ReceiveStep::Switch,
            ReceiveStep::LastByte,
            ReceiveStep::Told,
            ReceiveStep::Break(ProtocolFault::NotHttp),
        ];
        let successors = |state: Receiving| {
            let mut next: Vec<_> = steps.iter().map(|step| state.after(*step)).collect();
            next.retain(|next| *next != state);
            next
        };
        use Receiving::{Body, Complete, Ending, Head, Switched};
        assert_eq!(successors(Head), [Body, Ending, Switched, broken]);
        assert_eq!(successors(Body), [Ending, Complete, broken]);
        assert_eq!(successors(Ending), [Complete]);
        for terminal in [Complete, Switched, broken] {
            assert_eq!(successors(terminal), []);
        }
    }
}
