//! Which way each origin takes.

use std::net::SocketAddr;

use super::super::{Names, Target};
use super::{Proxies, Route, origin, proxy, target};
use crate::error::ErrorKind;
use crate::proxy::route::absolute_form;

fn way(proxies: &Proxies, url: &str) -> Route {
    proxies.routes().route(&origin(url)).expect("a way")
}

#[test]
fn plain_requests_are_forwarded_and_encrypted_ones_tunnelled() {
    let http = proxy("http://p:1");
    let https = proxy("https://p:1");
    for (proxy, tls) in [(http, false), (https, true)] {
        let all = Proxies::from(proxy.clone());
        let forward = way(&all, "http://example.com");
        assert_eq!(forward, Route::Forward(proxy.clone()));
        let tunnel = way(&all, "https://example.com");
        assert_eq!(tunnel, Route::Tunnel(proxy.clone()));
        assert_eq!(
            (forward.is_tls_to_proxy(), tunnel.is_tls_to_proxy()),
            (tls, tls)
        );
        assert_eq!(tunnel.proxy(), Some(&proxy));
    }
    assert!(!Route::Direct.is_tls_to_proxy());
}

#[test]
fn socks_carries_both_and_its_scheme_says_who_resolves_names() {
    for (url, names) in [("socks5://p", Names::Here), ("socks5h://p", Names::Proxy)] {
        for origin in ["http://example.com", "https://example.com"] {
            let proxy = proxy(url);
            let found = way(&Proxies::all(proxy.clone()), origin);
            assert_eq!(found, Route::Socks { proxy, names });
            assert!(!found.is_tls_to_proxy());
        }
    }
}

#[test]
fn settings_choose_by_scheme_by_function_or_not_at_all() {
    let each = Proxies::each(None, Some(proxy("p:1")));
    assert_eq!(way(&each, "http://example.com"), Route::Direct);
    assert_eq!(
        way(&each, "https://example.com"),
        Route::Tunnel(proxy("p:1"))
    );
    assert_eq!(way(&Proxies::none(), "https://example.com"), Route::Direct);
    assert!(Proxies::none().routes().is_direct());

    let by = Proxies::by(|origin| origin.host().ends_with(".test").then(|| proxy("q:2")));
    let by = by.except("not.test").except("nor.test");
    assert_eq!(way(&by, "http://a.test"), Route::Forward(proxy("q:2")));
    for host in ["a.example", "not.test", "nor.test"] {
        assert_eq!(way(&by, &format!("http://{host}")), Route::Direct, "{host}");
    }
}

#[test]
fn a_proxy_that_was_named_serves_this_machine_too() {
    let all = Proxies::all(proxy("p:1"));
    assert_eq!(
        way(&all, "http://127.0.0.1:8080"),
        Route::Forward(proxy("p:1"))
    );
    let except = all.except("127.0.0.0/8");
    assert_eq!(way(&except, "http://127.0.0.1:8080"), Route::Direct);
    assert_eq!(
        way(&except, "http://localhost"),
        Route::Forward(proxy("p:1"))
    );
}

#[test]
fn a_target_is_host_and_port_and_nothing_else() {
    assert_eq!(target("example.com", 443).to_string(), "example.com:443");
    assert_eq!(target("EXAMPLE.com", 80).to_string(), "example.com:80");
    assert_eq!(
        target("[2001:db8:0::1]", 443).to_string(),
        "[2001:db8::1]:443"
    );
    assert_eq!(target("[fe80::1%25eth0]", 443).to_string(), "[fe80::1]:443");
    let origin = origin("https://example.com");
    assert_eq!(Target::of(&origin).unwrap(), target("example.com", 443));
    let address: SocketAddr = "[::1]:8080".parse().unwrap();
    assert_eq!(Target::address(address), target("[::1]", 8080));
    for host in [
        "",
        "a\r\nx: y",
        "a\nb",
        "a b",
        "a\0",
        "a:1",
        "a/b",
        "a@b",
        "::1",
        "[::1",
        "[a]",
        "h\u{f6}st",
        &"a".repeat(256),
    ] {
        let error = Target::new(host, 443).expect_err(host);
        assert_eq!(error.kind(), ErrorKind::Usage, "{host:?}");
    }
    assert!(Target::new("a", 0).is_err());
}

#[test]
fn a_forwarded_request_names_the_whole_url() {
    for (url, expected) in [
        ("http://example.com", "http://example.com/"),
        ("http://example.com?q", "http://example.com/?q"),
        (
            "http://example.com:8080/a?b=c",
            "http://example.com:8080/a?b=c",
        ),
        ("http://[::1]/", "http://[::1]/"),
    ] {
        assert_eq!(absolute_form(&url.parse().unwrap()), expected);
    }
}
