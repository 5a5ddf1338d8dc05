//! `Several`: one event, several observers.
//!
//! Owns their order. Refuses to shield one from another's panic.

use std::fmt;
use std::sync::Arc;

use keepwarm_core::event::{Event, Observer};

/// Hands each event to several observers, in the order in which they were given.
#[derive(Clone, Default)]
pub struct Several(Vec<Arc<dyn Observer>>);

impl Several {
    /// These observers.
    #[must_use]
    pub fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self(observers)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Observer for Several {
    fn on_event(&self, event: &Event) {
        for observer in &self.0 {
            observer.on_event(event);
        }
    }

    fn on_owned_event(&self, event: Event) {
        if let Some((last, others)) = self.0.split_last() {
            for observer in others {
                observer.on_event(&event);
            }
            last.on_owned_event(event);
        }
    }
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Several").field(&self.0.len()).finish()
    }
}
