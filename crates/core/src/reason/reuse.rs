//! `Reuse`: the verdict every finished exchange gives on its connection.
//!
//! Owns the verdict and the order of its reasons. Refuses to know what is done about it.

use std::fmt;

use super::CloseReason;

/// May the connection serve another request?
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict that nobody reads loses the connection or its reason"]
pub enum Reuse {
    /// Yes: nothing stands against it.
    Keep,
    /// No, for these reasons.
    Close(Reasons),
}

impl Reuse {
    /// The verdict "close" with one reason.
    pub fn close(reason: CloseReason) -> Self {
        Self::Close(Reasons::new(reason))
    }

    /// The primary reason against reuse; none when the connection may be kept.
    pub fn primary(&self) -> Option<&CloseReason> {
        match self {
            Self::Keep => None,
            Self::Close(reasons) => Some(reasons.primary()),
        }
    }

    /// All reasons against reuse, primary first; empty when the connection may be kept.
    pub fn reasons(&self) -> &[CloseReason] {
        match self {
            Self::Keep => &[],
            Self::Close(reasons) => reasons.as_slice(),
        }
    }

    /// Whether nothing stands against reuse.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Adds a reason behind those already there (a verdict of `Keep` becomes `Close`).
    /// A reason of the same slug is kept once.
    pub fn also(self, reason: CloseReason) -> Self {
        match self {
            Self::Keep => Self::close(reason),
            Self::Close(mut reasons) => {
                reasons.push(reason);
                Self::Close(reasons)
            }
        }
    }
}

impl fmt::Display for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::Close(reasons) => write!(f, "close: {reasons}"),
        }
    }
}

/// Why a connection may not serve again: at least one reason, the primary first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons(Vec<CloseReason>);

impl Reasons {
    /// A list of one.
    pub fn new(primary: CloseReason) -> Self {
        Self(vec![primary])
    }

    /// The reason that decided.
    pub fn primary(&self) -> &CloseReason {
        &self.0[0]
    }

    /// All of them, primary first.
    pub fn as_slice(&self) -> &[CloseReason] {
        &self.0
    }

    /// Adds a further reason, unless one of the same slug is there.
    pub fn push(&mut self, reason: CloseReason) {
        if self.0.iter().all(|known| known.slug() != reason.slug()) {
            self.0.push(reason);
        }
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_is_primary_and_slugs_do_not_repeat() {
        let verdict = Reuse::Keep
            .also(CloseReason::PeerSaidClose)
            .also(CloseReason::Http10)
            .also(CloseReason::PeerSaidClose);
        assert_eq!(verdict.primary(), Some(&CloseReason::PeerSaidClose));
        assert_eq!(verdict.reasons().len(), 2);
        assert!(!verdict.is_keep());
    }
}
