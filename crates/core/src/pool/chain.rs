//! `Chain`: a doubly linked list over the indices of a slab.
//!
//! Owns linking and unlinking in constant time. Refuses to own the nodes.

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A node's neighbours; a node is in one chain at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Towards the front.
    pub(super) before: u32,
    /// Towards the back.
    pub(super) behind: u32,
}

impl Link {
    /// In no chain.
    pub(super) const LOOSE: Self = Self {
        before: NONE,
        behind: NONE,
    };
}

/// A slab whose nodes can be chained.
pub(super) trait Nodes {
    /// The neighbours of a node.
    fn link(&mut self, index: u32) -> &mut Link;
}

/// One list: its ends and its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    front: u32,
    back: u32,
    length: usize,
}

impl Chain {
    /// An empty list.
    pub(super) const EMPTY: Self = Self {
        front: NONE,
        back: NONE,
        length: 0,
    };

    pub(super) fn front(&self) -> Option<u32> {
        (self.front != NONE).then_some(self.front)
    }

    pub(super) fn back(&self) -> Option<u32> {
        (self.back != NONE).then_some(self.back)
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Links a loose node directly behind another; `None` makes it the front.
    #[inline]
    pub(super) fn insert_behind(
        &mut self,
        nodes: &mut impl Nodes,
        index: u32,
        position: Option<u32>,
    ) {
        let behind = match position {
            Some(position) => std::mem::replace(&mut nodes.link(position).behind, index),
            None => std::mem::replace(&mut self.front, index),
        };
        *nodes.link(index) = Link {
            before: position.unwrap_or(NONE),
            behind,
        };
        if behind == NONE {
            self.back = index;
        } else {
            nodes.link(behind).before = index;
        }
        self.length += 1;
    }

    /// Links a loose node at the back.
    pub(super) fn push_back(&mut self, nodes: &mut impl Nodes, index: u32) {
        self.insert_behind(nodes, index, self.back());
    }

    /// Takes a node out.
    #[inline]
    pub(super) fn unlink(&mut self, nodes: &mut impl Nodes, index: u32) {
        let link = std::mem::replace(nodes.link(index), Link::LOOSE);
        if link.before == NONE {
            self.front = link.behind;
        } else {
            nodes.link(link.before).behind = link.behind;
        }
        if link.behind == NONE {
            self.back = link.before;
        } else {
            nodes.link(link.behind).before = link.before;
        }
        self.length -= 1;
    }
}
