//! The rules of redirects, one table each.

use http::HeaderValue;

use super::*;

const FROM: &str = "https://a.test/dir/page?x=1";

fn meaning(
    redirects: Redirects,
    method: &Method,
    from: &str,
    status: u16,
    location: &[u8],
) -> Meaning {
    let mut headers = HeaderMap::new();
    headers.insert(
        LOCATION,
        HeaderValue::from_bytes(location).expect("a value"),
    );
    let asked = Asked {
        method,
        uri: &from.parse().expect("a URI"),
        body_survives: true,
    };
    let status = StatusCode::from_u16(status).expect("a status");
    decide(redirects, &asked, status, &headers)
}

fn next(method: &Method, from: &str, status: u16, location: &str) -> Next {
    match meaning(
        Redirects::up_to(1),
        method,
        from,
        status,
        location.as_bytes(),
    ) {
        Meaning::Follow(next) => next,
        other => panic!("{status} {location}: {other:?}"),
    }
}

#[test]
fn the_method_follows_the_status() {
    let (get, head, post, put) = (Method::GET, Method::HEAD, Method::POST, Method::PUT);
    for (status, method, wanted, keeps_body) in [
        (301, &get, &get, true),
        (301, &head, &head, true),
        (301, &post, &get, false),
        (301, &put, &put, true),
        (302, &post, &get, false),
        (302, &Method::DELETE, &Method::DELETE, true),
        (303, &get, &get, false),
        (303, &head, &head, false),
        (303, &post, &get, false),
        (303, &put, &get, false),
        (307, &post, &post, true),
        (307, &head, &head, true),
        (308, &post, &post, true),
        (308, &put, &put, true),
    ] {
        let next = next(method, FROM, status, "/next");
        assert_eq!(
            (&next.method, next.keeps_body),
            (wanted, keeps_body),
            "{status} {method}"
        );
    }
}

#[test]
fn what_is_no_redirect_is_the_answer() {
    for status in [200, 201, 300, 304, 305, 306, 309, 404, 503] {
        let meaning = meaning(Redirects::up_to(1), &Method::GET, FROM, status, b"/next");
        assert_eq!(meaning, Meaning::Final, "{status}");
    }
}

#[test]
fn a_location_is_read_from_where_it_was_given() {
    for (location, wanted, same_origin) in [
        ("/next", "https://a.test/next", true),
        ("next", "https://a.test/dir/next", true),
        ("../up?y=2", "https://a.test/up?y=2", true),
        ("?z", "https://a.test/dir/page?z", true),
        ("", "https://a.test/dir/page?x=1", true),
        ("#part", "https://a.test/dir/page?x=1", true),
        ("/next#part", "https://a.test/next", true),
        ("https://A.test:443/n", "https://a.test/n", true),
        ("https://a.test:8443/n", "https://a.test:8443/n", false),
        ("//b.test/n", "https://b.test/n", false),
        ("https://sub.a.test/n", "https://sub.a.test/n", false),
        ("https://user:pw@a.test/n", "https://a.test/n", true),
        ("/ä b", "https://a.test/%C3%A4%20b", true),
        ("https://bücher.test/", "https://xn--bcher-kva.test/", false),
    ] {
        let next = next(&Method::GET, FROM, 302, location);
        assert_eq!(
            (next.uri.to_string().as_str(), next.same_origin),
            (wanted, same_origin)
        );
    }
    let upgraded = next(&Method::GET, "http://a.test/", 301, "https://a.test/");
    assert!(!upgraded.same_origin);
    let latin = meaning(Redirects::up_to(1), &Method::GET, FROM, 302, b"/caf\xe9");
    let Meaning::Follow(latin) = latin else {
        panic!("{latin:?}")
    };
    assert_eq!(latin.uri.path(), "/caf%E9");
}

#[test]
fn from_https_to_http_only_when_allowed_by_name() {
    let ask = |redirects| meaning(redirects, &Method::GET, FROM, 302, b"http://a.test/");
    assert_eq!(
        ask(Redirects::up_to(1)),
        Meaning::Stay(NotFollowed::HttpsToHttp)
    );
    let allowed = ask(Redirects::up_to(1).https_to_http(true));
    assert!(matches!(allowed, Meaning::Follow(next) if !next.same_origin));
}

#[test]
fn what_leads_nowhere_stays() {
    for (location, why) in [
        ("ftp://a.test/", NotFollowed::OtherScheme),
        ("javascript:alert(1)", NotFollowed::OtherScheme),
        ("http://", NotFollowed::MalformedLocation),
        ("https://a b/", NotFollowed::MalformedLocation),
        ("https://a.test:99999/", NotFollowed::MalformedLocation),
        ("https://a.test:0/", NotFollowed::MalformedLocation),
    ] {
        let meaning = meaning(
            Redirects::up_to(1),
            &Method::GET,
            FROM,
            302,
            location.as_bytes(),
        );
        assert_eq!(meaning, Meaning::Stay(why), "{location}");
    }
    let asked = Asked {
        method: &Method::POST,
        uri: &FROM.parse().expect("a URI"),
        body_survives: false,
    };
    let decide = |status: StatusCode, headers: &HeaderMap| {
        decide(Redirects::up_to(1), &asked, status, headers)
    };
    let none = decide(StatusCode::FOUND, &HeaderMap::new());
    assert_eq!(none, Meaning::Stay(NotFollowed::NoLocation));
    let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static("/x"))]);
    let gone = decide(StatusCode::TEMPORARY_REDIRECT, &headers);
    assert_eq!(gone, Meaning::Stay(NotFollowed::BodyGone));
    let dropped = decide(StatusCode::SEE_OTHER, &headers);
    assert!(matches!(dropped, Meaning::Follow(next) if !next.keeps_body));
}
