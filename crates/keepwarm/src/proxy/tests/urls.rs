//! What a proxy's URL may say, and that its secrets are never shown.

use std::collections::HashSet;

use super::super::Scheme;
use super::{Proxies, proxy};
use crate::error::ErrorKind;
use crate::proxy::Proxy;

#[test]
fn a_url_says_scheme_host_and_port() {
    let cases = [
        ("proxy.example", "http://proxy.example:80"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("HTTP://Proxy.Example:3128/", "http://proxy.example:3128"),
        (" http://proxy.example/path?q#f ", "http://proxy.example:80"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("https://proxy.example:", "https://proxy.example:443"),
        ("socks5://proxy.example", "socks5://proxy.example:1080"),
        ("socks5h://10.0.0.1:9050", "socks5h://10.0.0.1:9050"),
        ("http://[2001:DB8::1]:3128", "http://[2001:db8::1]:3128"),
        ("[::1]", "http://[::1]:80"),
        ("u:p@proxy.example:3128", "http://proxy.example:3128"),
    ];
    for (url, via) in cases {
        assert_eq!(proxy(url).to_string(), via, "{url}");
        assert_eq!(&**proxy(url).via(), via);
    }
    let one = proxy("socks5://[::1]:9");
    assert_eq!(
        (one.scheme(), one.host(), one.port()),
        (Scheme::Socks5, "[::1]", 9)
    );
}

#[test]
fn what_is_no_proxy_is_refused_without_repeating_it() {
    let cases = [
        "",
        "http://",
        "ftp://user:sesame@proxy.example",
        "socks4://user:sesame@proxy.example",
        "http://user:sesame@",
        "http://user:sesame@proxy.example:0",
        "http://user:sesame@proxy.example:65536",
        "http://user:sesame@proxy.example:+1",
        "http://user:sesame@proxy.example:80:80",
        "http://user:sesame@pro xy.example",
        "http://user:sesame@proxy\r\n.example",
        "http://user:sesame@[::1",
        "http://user:sesame@[::1]x",
        "http://user:sesame@[sesame]",
        "http://user:sesame@::1",
        // The password's own characters end the authority, and its first part looks like a port.
        "http://user:12/sesame@proxy.example",
        "http://user:12#sesame@proxy.example",
        "http://user:12?sesame@proxy.example",
        "http://us%3Aer:sesame@proxy.example",
        "socks5://:sesame@proxy.example",
    ];
    for url in cases {
        let error = Proxy::new(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Usage, "{url}");
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains("sesame") && !said.contains("user:"),
            "{said}"
        );
    }
}

/// Go 179 ProxyAuthHeader: odd characters in credentials arrive as they were meant.
/// Same as Go.
/// Go 180 ProxyAuthKeys: a user without a password is `user:`.
/// Same as Go.
#[test]
fn credentials_of_a_url_are_decoded_and_those_by_name_are_not() {
    // Go's TestProxyAuthKeys: odd characters survive, a user without password is "user:".
    let cases = [
        (proxy("http://u:%40%2F%3F%21@p"), "Basic dTpALz8h"),
        (
            proxy("http://p").credentials("u", "@/?!").unwrap(),
            "Basic dTpALz8h",
        ),
        (proxy("http://user@p"), "Basic dXNlcjo="),
        (proxy("http://user:@p"), "Basic dXNlcjo="),
        (proxy("http://u:a:b@p"), "Basic dTphOmI="),
        (
            proxy("http://old:old@p").credentials("a", "%41").unwrap(),
            "Basic YTolNDE=",
        ),
        (proxy("http://u:p%FF@p"), "Basic dTpw/w=="),
    ];
    for (proxy, expected) in cases {
        let value = proxy.authorization().expect("credentials");
        assert_eq!(value, expected);
        assert!(value.is_sensitive());
    }
    assert!(proxy("http://p").authorization().is_none());
    assert!(proxy("socks5://u:p@p").authorization().is_none());
}

#[test]
fn credentials_that_the_protocol_cannot_carry_are_refused() {
    let long = "x".repeat(256);
    for (url, user, password) in [
        ("http://p", "a:b", "c"),
        ("socks5://p", "", "c"),
        ("socks5h://p", &long, "c"),
        ("socks5h://p", "a", &long),
    ] {
        let error = proxy(url).credentials(user, password).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
    let longest = &long[..255];
    assert!(proxy("socks5h://p").credentials(longest, longest).is_ok());
    assert!(proxy("http://p").credentials(&long, &long).is_ok());
}

#[test]
fn fields_that_could_break_out_of_the_request_are_refused() {
    for (name, value) in [
        ("x-a", "1\r\nx-b: 2"),
        ("x-a", "1\nx-b: 2"),
        ("x-a", "1\0"),
        ("x-a\r\nx-b", "1"),
        ("x a", "1"),
        ("", "1"),
        ("host", "elsewhere"),
        ("Content-Length", "5"),
        ("transfer-encoding", "chunked"),
    ] {
        let error = proxy("http://p")
            .connect_header(name, value)
            .expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Usage, "{name:?}: {value:?}");
    }
    assert!(proxy("socks5://p").connect_header("x-a", "1").is_err());
}

#[test]
fn no_text_of_ours_holds_the_credentials() {
    let one = proxy("http://harry:opensesame@proxy.example:3128")
        .connect_header("x-token", "opensesame")
        .unwrap();
    let basic = one.authorization().unwrap();
    let raw = proxy("http://proxy.example")
        .connect_header("proxy-authorization", "Bearer opensesame")
        .unwrap();
    let socks = proxy("socks5://harry:opensesame@proxy.example");
    let config = crate::Config::default().proxies(one.clone());
    let route = super::route(&one);
    let all = [
        format!("{one} {one:?}"),
        format!(
            "{:?} {basic:?}",
            one.connect_fields().get("proxy-authorization")
        ),
        format!("{raw} {raw:?} {:?}", raw.connect_fields()),
        format!("{socks} {socks:?} {:?}", socks.login()),
        format!(
            "{:?} {:?}",
            Proxies::all(one.clone()),
            Proxies::each(None, Some(socks.clone()))
        ),
        format!("{config:?} {route:?} {}", route.proxy().unwrap().via()),
    ];
    for text in all {
        for secret in ["harry", "opensesame", "aGFycnk6b3BlbnNlc2FtZQ"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn proxies_that_are_spoken_to_alike_are_equal() {
    let plain = proxy("http://proxy.example:3128");
    let same = proxy("HTTP://PROXY.example:3128/");
    let known = plain.clone().credentials("a", "b").unwrap();
    let other = plain.clone().credentials("a", "c").unwrap();
    let field = plain.clone().connect_header("x-a", "1").unwrap();
    assert_eq!(plain, same);
    assert_eq!(known, proxy("http://a:b@proxy.example:3128"));
    // The same text, but the pool must not mix them.
    assert_ne!(plain, known);
    assert_ne!(known, other);
    assert_ne!(plain, field);
    let different = HashSet::from([
        plain,
        same,
        known,
        other,
        field,
        proxy("https://proxy.example:3128"),
    ]);
    assert_eq!(different.len(), 5);
}
