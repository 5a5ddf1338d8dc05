//! `Link` where HTTP/2 is not built in: a connection that carries several calls, of which there is none.
//!
//! Owns the proof that code for such connections is never reached. Refuses to exist.

use std::task::Waker;

use keepwarm_core::reason::CloseReason;

/// No value of it can be made.
#[derive(Clone)]
pub(crate) enum Link {}

impl Link {
    pub(crate) fn capacity(&self) -> usize {
        match *self {}
    }

    pub(crate) fn objection(&self) -> Option<CloseReason> {
        match *self {}
    }

    pub(crate) fn watch(&self, _: &Waker) -> Option<CloseReason> {
        match *self {}
    }

    pub(crate) fn note_streams(&self, _: usize) {
        match *self {}
    }
}
