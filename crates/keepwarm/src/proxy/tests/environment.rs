//! The environment's proxies, from a map: the process's own environment has no part in it.

use std::cell::Cell;
use std::collections::HashMap;

use super::{Proxies, Route, origin};
use crate::error::{ErrorKind, Result};

/// Variables, a URL, and the way that is taken.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// The way to a URL with these variables: `direct`, or the proxy.
fn way(variables: &[(&str, &str)], url: &str) -> Result<String> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    let read = |name: &str| variables.get(name).map(|&value| value.to_owned());
    let routes = Proxies::environment().routes_with(&read);
    let route = routes.route(&origin(url))?;
    Ok(route
        .proxy()
        .map_or_else(|| "direct".to_owned(), ToString::to_string))
}

const HTTP: &str = "http://example.com/";
const HTTPS: &str = "https://example.com/";

const BY_SCHEME: &[Case<'_>] = &[
    (&[], HTTP, "direct"),
    (&[("HTTP_PROXY", "a:1")], HTTP, "http://a:1"),
    (&[("HTTP_PROXY", "a:1")], HTTPS, "direct"),
    (&[("http_proxy", "a:1")], HTTP, "http://a:1"),
    (&[("HTTPS_PROXY", "https://a")], HTTPS, "https://a:443"),
    (&[("https_proxy", "a:1")], HTTPS, "http://a:1"),
    (&[("https_proxy", "a:1")], HTTP, "direct"),
    (
        &[("HTTP_PROXY", "a:1"), ("http_proxy", "b:1")],
        HTTP,
        "http://a:1",
    ),
    (
        &[("HTTP_PROXY", ""), ("http_proxy", "b:1")],
        HTTP,
        "http://b:1",
    ),
    (
        &[("HTTP_PROXY", "  "), ("ALL_PROXY", "b:1")],
        HTTP,
        "http://b:1",
    ),
    (&[("ALL_PROXY", "socks5h://a")], HTTP, "socks5h://a:1080"),
    (&[("all_proxy", "socks5://a")], HTTPS, "socks5://a:1080"),
    (
        &[("ALL_PROXY", "a:1"), ("HTTPS_PROXY", "b:1")],
        HTTP,
        "http://a:1",
    ),
    (
        &[("ALL_PROXY", "a:1"), ("https_proxy", "b:1")],
        HTTPS,
        "http://b:1",
    ),
    (&[("HTTP_PROXY", " http://a:1 ")], HTTP, "http://a:1"),
    (&[("HTTP_PROXY", "http://u:p@a:1")], HTTP, "http://a:1"),
    (
        &[("NO_PROXY", "other"), ("HTTP_PROXY", "a:1")],
        HTTP,
        "http://a:1",
    ),
    (
        &[("NO_PROXY", "example.com"), ("HTTP_PROXY", "a:1")],
        HTTP,
        "direct",
    ),
    (
        &[("no_proxy", "example.com"), ("HTTP_PROXY", "a:1")],
        HTTP,
        "direct",
    ),
    (
        &[("NO_PROXY", ""), ("no_proxy", "*"), ("HTTP_PROXY", "a:1")],
        HTTP,
        "direct",
    ),
    (
        &[("NO_PROXY", "x"), ("no_proxy", "*"), ("HTTP_PROXY", "a:1")],
        HTTP,
        "http://a:1",
    ),
];

/// A list, what is called directly with it, and what is not.
const BY_NO_PROXY: &[(&str, &[&str], &[&str])] = &[
    ("*", &["a.example", "10.0.0.1", "[2001:db8::1]:8"], &[]),
    (" x , * ", &["a.example"], &[]),
    (
        "foo.example",
        &[
            "foo.example",
            "www.foo.example",
            "FOO.Example:81",
            "a.b.foo.example",
            "foo.example.",
        ],
        &["notfoo.example", "foo.example.org", "example"],
    ),
    (
        ".foo.example",
        &["foo.example", "www.foo.example"],
        &["notfoo.example"],
    ),
    (
        "*.foo.example",
        &["foo.example", "www.foo.example"],
        &["notfoo.example"],
    ),
    (
        "FOO.example.",
        &["foo.example", "www.foo.example"],
        &["foo"],
    ),
    (
        "foo.example:8080",
        &["foo.example:8080", "www.foo.example:8080"],
        &["foo.example", "foo.example:8081"],
    ),
    ("foo.example:80", &["foo.example"], &["foo.example:8080"]),
    (
        "10.1.2.3",
        &["10.1.2.3", "10.1.2.3:81"],
        &["10.1.2.4", "x10.1.2.3.example"],
    ),
    ("10.1.2.3:81", &["10.1.2.3:81"], &["10.1.2.3"]),
    (
        "10.0.0.0/8",
        &["10.1.2.3", "10.255.0.1:81"],
        &["11.0.0.1", "ten.example"],
    ),
    ("10.42.1.1/24", &["10.42.1.100"], &["10.43.1.1"]),
    (
        "2001:db8::1",
        &["[2001:db8::1]", "[2001:DB8:0::1]:81"],
        &["[2001:db8::2]"],
    ),
    ("[2001:db8::1]", &["[2001:db8::1]"], &["[2001:db8::2]"]),
    (
        "[2001:db8::1]:81",
        &["[2001:db8::1]:81"],
        &["[2001:db8::1]"],
    ),
    ("2001:db8::/32", &["[2001:db8:1::1]"], &["[2001:db9::1]"]),
    (
        "a.example b.example",
        &["a.example", "b.example"],
        &["c.example"],
    ),
    (
        "a.example,,b.example,",
        &["a.example", "x.b.example"],
        &["c.example"],
    ),
    ("intranet", &["intranet"], &["intranet.example", "net"]),
    ("foo.example:port", &[], &["foo.example"]),
    (",", &[], &["foo.example"]),
];

/// Go 188 ProxyFromEnvironment: which variable counts for which URL.
/// Differs: `ALL_PROXY` counts too.
#[test]
fn each_variable_counts_for_its_scheme_in_both_letter_cases() {
    for (variables, url, expected) in BY_SCHEME {
        let found = way(variables, url).expect("a way");
        assert_eq!(found, *expected, "{url} with {variables:?}");
    }
}

/// Go 188 ProxyFromEnvironment: what `NO_PROXY` covers.
/// Differs: `.example.com` covers the name itself too, as in curl.
#[test]
fn no_proxy_covers_names_suffixes_addresses_networks_and_ports() {
    for (no_proxy, direct, through) in BY_NO_PROXY {
        let variables = [("ALL_PROXY", "p:1"), ("NO_PROXY", no_proxy)];
        let all = direct.iter().map(|host| (host, "direct"));
        for (host, expected) in all.chain(through.iter().map(|host| (host, "http://p:1"))) {
            let found = way(&variables, &format!("http://{host}/")).expect("a way");
            assert_eq!(found, expected, "{host} with NO_PROXY={no_proxy}");
        }
    }
}

#[test]
fn this_machine_is_never_reached_through_the_environments_proxy() {
    let variables = [("ALL_PROXY", "p:1")];
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "app.localhost",
        "127.0.0.1",
        "127.255.0.1:1",
        "[::1]:8080",
        "[::ffff:127.0.0.1]",
    ] {
        let found = way(&variables, &format!("http://{host}/")).expect("a way");
        assert_eq!(found, "direct", "{host}");
    }
    for host in ["localhost.example", "notlocalhost", "128.0.0.1", "[::2]"] {
        let found = way(&variables, &format!("https://{host}/")).expect("a way");
        assert_eq!(found, "http://p:1", "{host}");
    }
}

/// Go 188 ProxyFromEnvironment: a CGI program does not trust `HTTP_PROXY`.
/// Same as Go.
#[test]
fn a_cgi_program_does_not_trust_http_proxy() {
    let cgi = ("REQUEST_METHOD", "GET");
    for name in ["HTTP_PROXY", "http_proxy"] {
        let variables = [cgi, (name, "u:sesame@evil.example:1"), ("ALL_PROXY", "p:1")];
        let error = way(&variables, "http://example.com/").expect_err("not trusted");
        assert_eq!(error.kind(), ErrorKind::Proxy);
        assert!(error.to_string().starts_with(name), "{error}");
        assert!(!error.to_string().contains("sesame"));
        // What does not go through it is not disturbed.
        assert_eq!(
            way(&variables, "https://example.com/").unwrap(),
            "http://p:1"
        );
        assert_eq!(way(&variables, "http://localhost/").unwrap(), "direct");
    }
    // Only a field named `Proxy` becomes such a variable: the others are the machine's.
    let variables = [cgi, ("ALL_PROXY", "p:1")];
    assert_eq!(
        way(&variables, "http://example.com/").unwrap(),
        "http://p:1"
    );
    let empty = [("REQUEST_METHOD", ""), ("HTTP_PROXY", "p:1")];
    assert_eq!(way(&empty, "http://example.com/").unwrap(), "http://p:1");
}

#[test]
fn a_variable_that_names_no_proxy_is_not_passed_over_in_silence() {
    let variables = [
        ("HTTPS_PROXY", "socks4://user:sesame@p:1"),
        ("HTTP_PROXY", "p:1"),
    ];
    let error = way(&variables, "https://example.com/").expect_err("unusable");
    assert_eq!(error.kind(), ErrorKind::Proxy);
    let said = error.to_string();
    assert!(
        said.starts_with("HTTPS_PROXY names no usable proxy: "),
        "{said}"
    );
    assert!(
        said.contains("socks5h://") && !said.contains("sesame"),
        "{said}"
    );
    assert_eq!(
        way(&variables, "http://example.com/").unwrap(),
        "http://p:1"
    );
    assert_eq!(way(&variables, "https://localhost/").unwrap(), "direct");
}

#[test]
fn the_environment_is_read_when_a_client_is_built_and_not_again() {
    let reads = Cell::new(0);
    let read = |name: &str| {
        reads.set(reads.get() + 1);
        (name == "ALL_PROXY").then(|| "p:1".to_owned())
    };
    let proxies = Proxies::environment().except("direct.example");
    assert_eq!(reads.get(), 0);
    let routes = proxies.routes_with(&read);
    let after = reads.get();
    assert_eq!(
        after, 8,
        "each name in both cases but ALL_PROXY, and REQUEST_METHOD"
    );
    assert!(matches!(
        routes.route(&origin("http://a.example")),
        Ok(Route::Forward(_))
    ));
    assert!(matches!(
        routes.route(&origin("http://direct.example")),
        Ok(Route::Direct)
    ));
    assert_eq!(reads.get(), after);
    // The other choices do not read it at all.
    assert!(Proxies::none().routes_with(&read).is_direct());
    assert_eq!(reads.get(), after);
}
