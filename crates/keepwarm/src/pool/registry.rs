//! `Registry`: from an origin to its pool, read without a lock.
//!
//! Owns the map. A lookup, which every call makes, borrows the parts of its URI and allocates nothing; a new
//! origin, which is rare, copies one shard. Refuses to know what a pool does.

use std::sync::{Arc, PoisonError};

use hashbrown::HashTable;
use keepwarm_core::origin::{Origin, OriginRef};

use super::origin::OriginPool;
use super::sync::{ArcSwap, Mutex};

const SHARDS: usize = 64;

type Table = HashTable<Arc<OriginPool>>;

pub(super) struct Registry {
    shards: Box<[ArcSwap<Table>]>,
    /// Held while a shard is copied and replaced; never on the way of a call to a known origin.
    writing: Mutex<()>,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            writing: Mutex::new(()),
        }
    }

    fn shard(&self, hash: u64) -> &ArcSwap<Table> {
        // The table inside uses the low bits, so the shard is chosen by the high ones.
        let index = usize::try_from(hash >> 58).unwrap_or(0);
        &self.shards[index % SHARDS]
    }

    /// Calls `found` with the origin's pool, made by `make` when it is new. Calls that need HTTP/1.1 have a pool of
    /// their own.
    pub(super) fn with<R>(
        &self,
        parts: &OriginRef<'_>,
        only_http1: bool,
        make: impl FnOnce() -> Arc<OriginPool>,
        found: impl FnOnce(&Arc<OriginPool>) -> R,
    ) -> R {
        let hash = parts.hash_code();
        let is_meant =
            |pool: &Arc<OriginPool>| pool.only_http1 == only_http1 && pool.origin.matches(parts);
        let shard = self.shard(hash);
        let table = shard.load();
        if let Some(pool) = table.find(hash, is_meant) {
            return found(pool);
        }
        drop(table);
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&shard.load());
        let pool = match table.find(hash, is_meant) {
            Some(pool) => Arc::clone(pool),
            None => {
                let pool = make();
                table.insert_unique(hash, Arc::clone(&pool), rehash);
                shard.store(Arc::new(table));
                pool
            }
        };
        drop(guard);
        found(&pool)
    }

    /// The origin as its pool has it, so that its name need not be copied; none before its first call.
    pub(super) fn origin(&self, parts: &OriginRef<'_>) -> Option<Origin> {
        let hash = parts.hash_code();
        let table = self.shard(hash).load();
        let pool = table.find(hash, |pool| pool.origin.matches(parts));
        pool.map(|pool| pool.origin.clone())
    }

    /// Changes what new pools are made by. One that was made by what held before is among [`Registry::all`] from here
    /// on.
    pub(super) fn while_none_is_made<R>(&self, change: impl FnOnce() -> R) -> R {
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change();
        drop(guard);
        result
    }

    /// Every pool there is.
    pub(super) fn all(&self) -> Vec<Arc<OriginPool>> {
        let mut pools = Vec::new();
        for shard in &self.shards {
            pools.extend(shard.load().iter().map(Arc::clone));
        }
        pools
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    /// Forgets the pools for which `gone` says so.
    pub(super) fn remove(&self, mut gone: impl FnMut(&Arc<OriginPool>) -> bool) {
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for shard in &self.shards {
            let mut table = Table::clone(&shard.load());
            let before = table.len();
            table.retain(|pool| !gone(pool));
            if table.len() != before {
                shard.store(Arc::new(table));
            }
        }
        drop(guard);
    }
}

fn rehash(pool: &Arc<OriginPool>) -> u64 {
    pool.origin.parts().hash_code()
}
