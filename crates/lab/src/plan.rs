//! Owns the choice of what a connection meets, by its number.

use std::fmt;
use std::sync::Arc;

use crate::behaviour::{Accept, Behaviour};
use crate::script::Script;

/// What one connection meets.
#[derive(Debug, Clone)]
pub enum Conduct {
    /// A server that answers every request by the same description.
    Behaviour(Box<Behaviour>),
    /// A program of steps.
    Script(Script),
}

impl From<Behaviour> for Conduct {
    fn from(behaviour: Behaviour) -> Self {
        Self::Behaviour(Box::new(behaviour))
    }
}

impl From<Script> for Conduct {
    fn from(script: Script) -> Self {
        Self::Script(script)
    }
}

type Choice = dyn Fn(u64) -> Conduct + Send + Sync;

/// What the connections of a lab meet. Made from one [`Behaviour`] or [`Script`], from a list
/// (connection k meets number k, the last one repeating), or by [`Plan::choose`].
#[derive(Clone)]
pub struct Plan(Kind);

#[derive(Clone)]
enum Kind {
    Chosen(Arc<Choice>),
    Each(Vec<Arc<Conduct>>),
}

impl Plan {
    /// A plan that asks a function; its argument is the connection's number, from 1.
    pub fn choose(choice: impl Fn(u64) -> Conduct + Send + Sync + 'static) -> Self {
        Self(Kind::Chosen(Arc::new(choice)))
    }

    pub(crate) fn conduct(&self, number: u64) -> Arc<Conduct> {
        match &self.0 {
            Kind::Chosen(choice) => Arc::new(choice(number)),
            Kind::Each(list) => {
                let index = usize::try_from(number).unwrap_or(usize::MAX) - 1;
                let found = list.get(index).or(list.last()).cloned();
                found.unwrap_or_else(|| Arc::new(Behaviour::default().into()))
            }
        }
    }

    /// How the listener treats connections, which no single connection can decide: taken from the
    /// first behaviour of a list.
    pub(crate) fn accept(&self) -> Accept {
        match &self.0 {
            Kind::Chosen(_) => Accept::Serve,
            Kind::Each(list) => match list.first().map(Arc::as_ref) {
                Some(Conduct::Behaviour(behaviour)) => behaviour.accept,
                Some(Conduct::Script(_)) | None => Accept::Serve,
            },
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Chosen(_) => out.write_str("Plan::choose(..)"),
            Kind::Each(list) => out.debug_list().entries(list).finish(),
        }
    }
}

impl From<Conduct> for Plan {
    fn from(conduct: Conduct) -> Self {
        Self(Kind::Each(vec![Arc::new(conduct)]))
    }
}

impl From<Behaviour> for Plan {
    fn from(behaviour: Behaviour) -> Self {
        Conduct::from(behaviour).into()
    }
}

impl From<Script> for Plan {
    fn from(script: Script) -> Self {
        Conduct::from(script).into()
    }
}

impl<T: Into<Conduct>> From<Vec<T>> for Plan {
    fn from(list: Vec<T>) -> Self {
        let each = list.into_iter().map(|one| Arc::new(one.into()));
        Self(Kind::Each(each.collect()))
    }
}

impl<T: Into<Conduct>, const N: usize> From<[T; N]> for Plan {
    fn from(list: [T; N]) -> Self {
        Vec::from(list).into()
    }
}
