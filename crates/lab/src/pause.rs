//! Owns the two ways to wait: for a time, or at a gate.

use std::time::Duration;

use crate::gate::Gates;

/// Something to wait for before going on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pause {
    /// Does not wait.
    #[default]
    None,
    /// Waits this long.
    For(Duration),
    /// Waits until the test opens the gate of this name.
    Gate(String),
}

impl Pause {
    /// A pause at the gate of this name.
    pub fn gate(name: impl Into<String>) -> Self {
        Self::Gate(name.into())
    }

    /// Whether there is nothing to wait for.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    pub(crate) async fn wait(&self, gates: &Gates) {
        match self {
            Self::None => {}
            Self::For(time) => tokio::time::sleep(*time).await,
            Self::Gate(name) => gates.wait(name).await,
        }
    }
}

impl From<Duration> for Pause {
    fn from(time: Duration) -> Self {
        Self::For(time)
    }
}
