//! The environment's proxies: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
//!
//! Owns which variable counts for what. Refuses to read the environment itself: it is given a function that does.

use super::Proxy;
use super::route::{Pick, Rule};

/// What the variables say, and the `NO_PROXY` list.
pub(super) fn read(read: &dyn Fn(&str) -> Option<String>) -> (Rule, String) {
    // Upper case first, and an empty variable is as good as none, as in Go.
    let first = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| {
            let value = read(name)?;
            let value = value.trim();
            (!value.is_empty()).then(|| (name, value.to_owned()))
        })
    };
    let http = first(["HTTP_PROXY", "http_proxy"]);
    let https = first(["HTTPS_PROXY", "https_proxy"]);
    let all = first(["ALL_PROXY", "all_proxy"]);
    let no_proxy = first(["NO_PROXY", "no_proxy"]);
    let is_cgi = read("REQUEST_METHOD").is_some_and(|method| !method.is_empty());
    let http = match http {
        // A web server hands the request's `Proxy` field to a CGI program as HTTP_PROXY: anybody can set it.
        Some((name, _)) if is_cgi => Pick::Refused(
            format!("{name} is not trusted in a CGI program (REQUEST_METHOD is set)").into(),
        ),
        named => pick(named.or_else(|| all.clone())),
    };
    let rule = Rule::EachScheme {
        http,
        https: pick(https.or(all)),
        loopback: false,
    };
    (rule, no_proxy.map_or_else(String::new, |(_, list)| list))
}

fn pick(variable: Option<(&'static str, String)>) -> Pick {
    let Some((name, url)) = variable else {
        return Pick::Direct;
    };
    match Proxy::new(&url) {
        Ok(proxy) => Pick::Through(proxy),
        // The error does not repeat the value.
        Err(error) => Pick::Refused(format!("{name} names no usable proxy: {error}").into()),
    }
}
