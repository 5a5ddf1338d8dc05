//! The wish of the user that a command ends: Ctrl-C or a termination signal.
//!
//! Owns the waiting for it. Refuses to know what then happens.

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// Both signals, caught from the moment this is made.
pub(crate) struct Interrupt {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Interrupt {
    pub(crate) fn new() -> Result<Self, Failure> {
        let watch = |kind| signal(kind).map_err(Failure::io("cannot watch for signals"));
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
        })
    }

    /// Ready when one has come.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
