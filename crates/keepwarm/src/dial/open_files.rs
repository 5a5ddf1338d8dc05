//! The limit on open files, which every connection counts against.
//!
//! Owns the reading of it. Refuses to raise it: that is the program's decision.

use rustix::process::{Resource, getrlimit};

/// How many files this process may hold open; none when the system does not limit them.
pub(crate) fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
