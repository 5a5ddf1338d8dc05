//! `ProxyArgs`: the options of proxies.
//!
//! Owns their names and the way to `Proxies`. Refuses to show what a proxy's URL holds: it may be a password.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use keepwarm::proxy::{Proxies, Proxy};

const PROXY: &str = "Proxy";

#[derive(Args, Clone, Debug)]
pub(crate) struct ProxyArgs {
    /// Go through this proxy: http://, https://, socks5:// or socks5h://, then HOST:PORT, perhaps with USER:PASSWORD@
    /// before it; an empty one means none (default: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY)
    #[arg(long, value_name = "URL", conflicts_with = "unix_socket", help_heading = PROXY)]
    proxy: Option<Hidden>,
    /// Call these hosts without a proxy, as 'a.test,.b.test,10.0.0.0/8,c.test:8080' or '*'; added to NO_PROXY where
    /// the proxy is the environment's
    #[arg(long, value_name = "LIST", help_heading = PROXY)]
    noproxy: Option<String>,
}

/// Text that is not to be shown, so not by the parser's complaints either: every text is taken.
#[derive(Clone)]
struct Hidden(String);

impl FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ProxyArgs {
    /// The choice that these options mean.
    pub(super) fn settings(&self) -> Result<Proxies, String> {
        let proxies = match &self.proxy {
            None => Proxies::environment(),
            Some(Hidden(url)) if url.is_empty() => Proxies::none(),
            // The library's error does not repeat the URL.
            Some(Hidden(url)) => Proxy::new(url)
                .map(Proxies::all)
                .map_err(|error| format!("{error} (see --proxy)"))?,
        };
        Ok(match &self.noproxy {
            Some(list) => proxies.except(list),
            None => proxies,
        })
    }
}
