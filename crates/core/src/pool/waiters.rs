//! `Waiters`: the calls that wait, in order of arrival.
//!
//! Owns their places, tickets and order. Refuses to know what they wait for.

use super::Lane;
use super::chain::{Chain, Link, Nodes};
use crate::reason::Miss;

/// Places that are kept when nobody waits; those of a larger crowd go back.
const KEPT: usize = 64;

/// A waiting call's place, to leave it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    index: u32,
    /// The arrival's number in 32 bits: a place is another call's later.
    number: u32,
}

impl Ticket {
    /// The ticket of a call that was served on the spot.
    pub(super) const SERVED: Self = Self {
        index: u32::MAX,
        number: 0,
    };
}

/// One waiting call.
#[derive(Debug)]
pub(super) struct Waiter<W, E> {
    pub(super) token: W,
    pub(super) lane: Lane,
    pub(super) replayable: bool,
    pub(super) miss: Miss,
    /// Arrival order over all lanes.
    pub(super) number: u64,
    /// The error of a dial that failed on its behalf.
    pub(super) error: Option<E>,
}

#[derive(Debug)]
struct Node<W, E> {
    link: Link,
    waiter: Option<Waiter<W, E>>,
}

/// All waiting calls of one origin. The chains that order them are the lanes'.
#[derive(Debug)]
pub(super) struct Waiters<W, E> {
    nodes: Vec<Node<W, E>>,
    vacant: Vec<u32>,
    arrivals: u64,
}

impl<W, E> Nodes for Waiters<W, E> {
    fn link(&mut self, index: u32) -> &mut Link {
        &mut self.nodes[index as usize].link
    }
}

impl<W, E> Waiters<W, E> {
    pub(super) const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            vacant: Vec::new(),
            arrivals: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.vacant.len()
    }

    /// Adds a call at the back of a chain.
    pub(super) fn enter(
        &mut self,
        chain: &mut Chain,
        lane: Lane,
        replayable: bool,
        miss: Miss,
        token: W,
    ) -> Ticket {
        self.arrivals += 1;
        let waiter = Some(Waiter {
            token,
            lane,
            replayable,
            miss,
            number: self.arrivals,
            error: None,
        });
        let index = if let Some(index) = self.vacant.pop() {
            self.nodes[index as usize].waiter = waiter;
            index
        } else {
            let index = u32::try_from(self.nodes.len()).expect("fewer than 2^32 waiting calls");
            self.nodes.push(Node {
                link: Link::LOOSE,
                waiter,
            });
            index
        };
        chain.push_back(self, index);
        Ticket {
            index,
            number: self.arrivals as u32,
        }
    }

    /// The index of a ticket whose call still waits.
    pub(super) fn find(&self, ticket: Ticket) -> Option<u32> {
        let waiter = self.nodes.get(ticket.index as usize)?.waiter.as_ref()?;
        (waiter.number as u32 == ticket.number).then_some(ticket.index)
    }

    /// The call at an index that a chain holds.
    pub(super) fn get(&self, index: u32) -> &Waiter<W, E> {
        let waiter = &self.nodes[index as usize].waiter;
        waiter.as_ref().expect("chains hold waiting calls only")
    }

    /// Notes a dial's error on a call.
    pub(super) fn flag(&mut self, index: u32, error: E) {
        let waiter = &mut self.nodes[index as usize].waiter;
        waiter
            .as_mut()
            .expect("chains hold waiting calls only")
            .error = Some(error);
    }

    /// The call behind another one in its chain.
    pub(super) fn next(&self, index: u32) -> Option<u32> {
        let behind = self.nodes[index as usize].link.behind;
        (behind != super::chain::NONE).then_some(behind)
    }

    /// Takes a call out of its chain and out of the list.
    pub(super) fn remove(&mut self, chain: &mut Chain, index: u32) -> Waiter<W, E> {
        chain.unlink(self, index);
        let waiter = self.nodes[index as usize].waiter.take();
        self.vacant.push(index);
        if self.vacant.len() == self.nodes.len() && self.nodes.len() > KEPT {
            self.vacant = Vec::new();
            self.nodes = Vec::new();
        }
        waiter.expect("chains hold waiting calls only")
    }
}
