//! `Bypass`: what is called without a proxy.
//!
//! Owns the reading of a `NO_PROXY` list. What its names, suffixes and networks mean is hyper-util's to say; ports,
//! `*` and `*.name` are ours, because users expect them and it does not know them. Refuses to know proxies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// A list of hosts that no proxy stands before.
#[derive(Default)]
pub(super) struct Bypass {
    everything: bool,
    /// For any port.
    hosts: Option<Matcher>,
    /// For one port each.
    with_port: BTreeMap<u16, Matcher>,
}

impl Bypass {
    /// Reads entries that are set apart by commas or blanks.
    pub(super) fn parse(list: &str) -> Self {
        let mut everything = false;
        let mut hosts = Vec::new();
        let mut with_port: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        let separators = |character: char| character == ',' || character.is_whitespace();
        for entry in list.split(separators).filter(|entry| !entry.is_empty()) {
            let (host, port) = split(entry);
            everything |= host == "*" && port.is_none();
            match port {
                Some(port) => with_port.entry(port).or_default().push(host),
                None => hosts.push(host),
            }
        }
        let with_port = with_port
            .into_iter()
            .map(|(port, hosts)| (port, matcher(&hosts)))
            .collect();
        Self {
            everything,
            hosts: (!hosts.is_empty()).then(|| matcher(&hosts)),
            with_port,
        }
    }

    /// Whether this host (brackets of an IPv6 literal included) is called without a proxy.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        if self.everything {
            return true;
        }
        let lists = [self.hosts.as_ref(), self.with_port.get(&port)];
        if lists.iter().all(Option::is_none) {
            return false;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let uri = Uri::builder()
            .scheme("http")
            .authority(host)
            .path_and_query("/")
            .build();
        // A host that came out of a URI makes one again.
        uri.is_ok_and(|uri| {
            lists
                .into_iter()
                .flatten()
                .any(|list| list.intercept(&uri).is_none())
        })
    }
}

/// A matcher that would send everything to some proxy but these.
fn matcher(hosts: &[String]) -> Matcher {
    Matcher::builder()
        .all("http://proxy.invalid")
        .no(hosts.join(","))
        .build()
}

/// An entry's host as the matcher wants it, and its port.
fn split(entry: &str) -> (String, Option<u16>) {
    let bare = |host: &str| {
        let host = host
            .strip_prefix('[')
            .map_or(host, |rest| rest.strip_suffix(']').unwrap_or(rest));
        let host = host.strip_suffix('.').unwrap_or(host);
        host.strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host)
            .to_owned()
    };
    // The colons of an IPv6 address or network part no port off.
    let address = entry.split('/').next().unwrap_or(entry);
    if address.parse::<IpAddr>().is_ok() {
        return (bare(entry), None);
    }
    match entry.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (bare(host), Some(port)),
            Err(_) => (bare(entry), None),
        },
        None => (bare(entry), None),
    }
}
