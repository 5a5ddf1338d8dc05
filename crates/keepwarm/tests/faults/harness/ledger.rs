//! `Ledger`: what reached the server, and every broken promise of either side.
//!
//! Owns the server's counts. Refuses to know why a request came.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use keepwarm::RetryPolicy;

use super::plan::Plan;

/// A connection as both sides can name it: the server's port and the client's.
pub(crate) type Ports = (u16, u16);

/// Complaints kept in words; further ones are only counted.
const KEPT: usize = 20;

/// The server's book.
pub(crate) struct Ledger {
    pub(crate) seed: u64,
    pub(crate) policy: RetryPolicy,
    pub(crate) hosts: usize,
    book: Mutex<Book>,
}

/// What is written in it.
#[derive(Clone, Default)]
pub(crate) struct Book {
    /// How often each request arrived, by its number.
    arrivals: Vec<u8>,
    /// Connections accepted, and how many of them are open.
    pub(crate) accepted: u64,
    pub(crate) open: u64,
    /// Request heads that arrived whole.
    pub(crate) heads: u64,
    /// Heads per connection; a port that was used again has several entries, oldest first.
    pub(crate) connections: HashMap<Ports, Vec<u64>>,
    /// Faults played, by name.
    pub(crate) faults: HashMap<&'static str, u64>,
    pub(crate) complaints: Vec<String>,
    pub(crate) broken: u64,
}

impl Ledger {
    pub(crate) fn new(seed: u64, policy: RetryPolicy, hosts: usize) -> Self {
        Self {
            seed,
            policy,
            hosts,
            book: Mutex::default(),
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic under this lock")
    }

    /// A promise was broken.
    pub(crate) fn complain(&self, what: String) {
        let mut book = self.book();
        book.broken += 1;
        if book.complaints.len() < KEPT {
            book.complaints.push(what);
        }
    }

    pub(crate) fn accepted(&self, ports: Ports) {
        let mut book = self.book();
        book.accepted += 1;
        book.open += 1;
        book.connections.entry(ports).or_default().push(0);
    }

    pub(crate) fn ended(&self) {
        self.book().open -= 1;
    }

    /// A request head arrived; returns for how manieth time.
    pub(crate) fn arrived(&self, ports: Ports, id: u64) -> u32 {
        let place = usize::try_from(id).expect("numbers are small");
        let mut book = self.book();
        if book.arrivals.len() <= place {
            book.arrivals.resize(place + 1, 0);
        }
        book.arrivals[place] = book.arrivals[place].saturating_add(1);
        let times = u32::from(book.arrivals[place]);
        book.heads += 1;
        if let Some(heads) = book
            .connections
            .get_mut(&ports)
            .and_then(|it| it.last_mut())
        {
            *heads += 1;
        }
        drop(book);
        let plan = Plan::draw(self.seed, id, self.hosts);
        let most = plan.most_arrivals(self.policy);
        if times > most {
            self.complain(format!(
                "request {id} reached the server {times} times, allowed are {most}: {plan:?}"
            ));
        }
        times
    }

    pub(crate) fn arrivals(&self, id: u64) -> u8 {
        let place = usize::try_from(id).expect("numbers are small");
        self.book().arrivals.get(place).copied().unwrap_or(0)
    }

    pub(crate) fn played(&self, fault: &'static str) {
        *self.book().faults.entry(fault).or_default() += 1;
    }
}
