//! `Proxies`: which proxy a client uses for which origin.
//!
//! Owns the choice as the user made it. Refuses to read the environment before it is asked to, which is once for
//! each client that is built.

use std::fmt;
use std::sync::Arc;

use keepwarm_core::origin::Origin;

use super::Proxy;
use super::bypass::Bypass;
use super::environment;
use super::route::{Pick, Routes, Rule};

/// A choice by the caller's own function.
pub(super) type Choose = dyn Fn(&Origin) -> Option<Proxy> + Send + Sync;

/// Which proxy is used for which origin. Default: [`Proxies::environment`].
#[derive(Clone)]
pub struct Proxies {
    choice: Choice,
    except: String,
}

#[derive(Clone)]
enum Choice {
    By(Arc<Choose>),
    Environment,
    Given {
        http: Option<Proxy>,
        https: Option<Proxy>,
    },
}

impl Default for Proxies {
    fn default() -> Self {
        Self::environment()
    }
}

impl From<Proxy> for Proxies {
    fn from(proxy: Proxy) -> Self {
        Self::all(proxy)
    }
}

impl Proxies {
    /// Those that the environment names when the client is built: see the [module's page](super).
    pub fn environment() -> Self {
        Choice::Environment.into()
    }

    /// None, whatever the environment says.
    pub fn none() -> Self {
        Self::each(None, None)
    }

    /// One for all origins, those on this machine included.
    pub fn all(proxy: Proxy) -> Self {
        Self::each(Some(proxy.clone()), Some(proxy))
    }

    /// One for `http` origins and one for `https` origins; none: called directly.
    pub fn each(http: Option<Proxy>, https: Option<Proxy>) -> Self {
        Choice::Given { http, https }.into()
    }

    /// The one that a function chooses; none: called directly. It is asked when the first connection to an origin is
    /// needed, and its answer must be the same for the same origin each time.
    pub fn by(choose: impl Fn(&Origin) -> Option<Proxy> + Send + Sync + 'static) -> Self {
        Choice::By(Arc::new(choose)).into()
    }

    /// Hosts that are called directly all the same, as in `NO_PROXY`; added to those given before, and to the
    /// environment's. Entries are set apart by commas or blanks:
    ///
    /// | entry | stands for |
    /// |---|---|
    /// | `example.com`, `.example.com`, `*.example.com` | the name and all names below it |
    /// | `192.0.2.7`, `::1`, `[::1]` | the address, where a URL names it so |
    /// | `10.0.0.0/8`, `2001:db8::/32` | the addresses of the network |
    /// | any of these (no network) with `:8080` | the same at that port only |
    /// | `*` | everything |
    ///
    /// Names are not resolved for this. (Go takes `.example.com` for the names below it only.)
    #[must_use]
    pub fn except(mut self, list: &str) -> Self {
        self.except.push(',');
        self.except.push_str(list);
        self
    }

    /// What holds for one client: reads the process's environment if that was chosen.
    pub(crate) fn routes(&self) -> Routes {
        self.routes_with(&|name| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        })
    }

    /// The same with another environment.
    pub(super) fn routes_with(&self, read: &dyn Fn(&str) -> Option<String>) -> Routes {
        let rule = match &self.choice {
            Choice::By(choose) => Rule::By(Arc::clone(choose)),
            Choice::Environment => {
                let (rule, no_proxy) = environment::read(read);
                let except = Bypass::parse(&format!("{},{no_proxy}", self.except));
                return Routes::new(rule, except);
            }
            Choice::Given { http, https } => Rule::EachScheme {
                http: http.clone().into(),
                https: https.clone().into(),
                loopback: true,
            },
        };
        Routes::new(rule, Bypass::parse(&self.except))
    }
}

impl From<Choice> for Proxies {
    fn from(choice: Choice) -> Self {
        Self {
            choice,
            except: String::new(),
        }
    }
}

impl From<Option<Proxy>> for Pick {
    fn from(proxy: Option<Proxy>) -> Self {
        proxy.map_or(Self::Direct, Self::Through)
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Proxies");
        match &self.choice {
            Choice::By(_) => f.field("by", &"a function"),
            Choice::Environment => f.field("by", &"the environment"),
            Choice::Given { http, https } => f.field("http", http).field("https", https),
        };
        f.field("except", &self.except.trim_start_matches(','))
            .finish()
    }
}
