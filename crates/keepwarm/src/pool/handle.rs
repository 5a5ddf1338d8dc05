//! `Handle`: the shared claim on a client's pools.
//!
//! Owns their end: when the last claim is dropped, they close. Clients hold one, and so does each call under way;
//! a body that is still read does not, it only finds its connection closed at its end.

use std::ops::Deref;
use std::sync::Arc;

use super::Shared;

#[derive(Clone)]
pub(crate) struct Handle(Arc<Owner>);

struct Owner(Arc<Shared>);

impl Handle {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(Owner(Arc::new(shared))))
    }
}

impl Deref for Handle {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}
