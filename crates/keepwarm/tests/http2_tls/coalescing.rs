//! One connection for several origins whose names one certificate covers (RFC 9113 §9.1.1): only when it is asked for,
//! and only when everything speaks for it.

use keepwarm::event::EventKind;
use keepwarm::http2::Http2;
use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::{Client, OriginConfig, Protocol};

use crate::house::{Door, House, Known, coalescing, tunnel};
use crate::support::{client, finish, ms, run};

/// Whether a call to the second name goes over the connection of the first.
async fn shares(house: &House, client: &Client, first: &str, second: &str) -> bool {
    let one = house.get(client, first).await;
    let other = house.get(client, second).await;
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200));
    let shares = one.connection.id == other.connection.id;
    assert_eq!(other.connection.coalesced_from().is_some(), shares);
    assert_eq!(house.handshakes(), if shares { 1 } else { 2 });
    shares
}

/// A client of the house, from its settings.
fn plain(house: &House, http2: Http2) -> Client {
    let names = Known(house.names.clone());
    let tls = house.authority.trusted();
    client(|it| it.tls(tls).resolver(names).http2(http2)).0
}

#[test]
fn a_call_to_another_name_of_the_certificate_is_a_stream_on_the_same_connection() {
    run(async {
        let house = House::open().await;
        let (client, log) = house.client(|it| it);
        let first = house.get(&client, "a.test").await;
        assert_eq!(first.connection.coalesced_from(), None);
        for round in 2..=4_u64 {
            let done = house.get(&client, "b.test").await;
            let connection = &done.connection;
            assert_eq!(connection.id, first.connection.id);
            assert_eq!((connection.reused, connection.requests), (true, round));
            assert_eq!(connection.miss, None);
            assert_eq!(connection.protocol(), Protocol::H2);
            let from = connection.coalesced_from().map(ToString::to_string);
            assert_eq!(from.as_deref(), house.url("a.test").strip_suffix('/'));
            let told = connection.to_string();
            assert!(told.contains(", opened for https://a.test:"), "{told}");
            assert!(done.reuse.is_keep());
        }
        // And its own origin's calls see it as before.
        let again = house.get(&client, "a.test").await;
        assert_eq!(again.connection.id, first.connection.id);
        assert_eq!(again.connection.coalesced_from(), None);
        assert_eq!(house.handshakes(), 1);
        // One question for the first name, by its dial; one for the second, by the first call to it.
        assert_eq!(
            (house.names.asked("a.test"), house.names.asked("b.test")),
            (1, 1)
        );
        let stats = client.stats();
        let counts = |name: &str| {
            stats
                .origin(&house.url(name))
                .expect("called")
                .counts
                .clone()
        };
        let (a, b) = (counts("a.test"), counts("b.test"));
        assert_eq!((a.opened, a.requests, a.reused, a.coalesced), (1, 5, 4, 0));
        assert_eq!((b.opened, b.requests, b.reused, b.coalesced), (0, 0, 0, 3));
        assert_eq!((b.dialing, b.waiting, a.active, a.idle), (0, 0, 0, 1));
        let total = stats.total();
        assert_eq!((total.requests, total.coalesced), (5, 3));
        // Only the call that waited for the answer to the question was queued besides the very first.
        assert_eq!(log.counted(|it| matches!(it, EventKind::Queued { .. })), 2);
        assert_eq!(log.dialed_for().len(), 1);
    });
}

#[test]
fn nothing_is_coalesced_unless_it_is_asked_for() {
    run(async {
        let house = House::open().await;
        let client = plain(&house, Http2::default());
        assert!(!shares(&house, &client, "a.test", "b.test").await);
        let total = client.stats().total().clone();
        assert_eq!((total.opened, total.coalesced), (2, 0));
    });
}

/// Whether a call to the second name goes over the connection of the first, both at one address.
async fn covers(names: &[&str], first: &str, second: &str) -> bool {
    let house = House::of(names, Door::Open).await;
    for name in [first, second] {
        let name = name.to_ascii_lowercase();
        house.names.lead(&name, house.server.address);
    }
    let (client, _) = house.client(|it| it);
    house.get(&client, first).await;
    match client.get(house.url(second)).send().await {
        Ok(response) => {
            assert!(response.connection().coalesced_from().is_some());
            assert_eq!(house.handshakes(), 1);
            true
        }
        // A handshake of its own was told the same.
        Err(error) => {
            assert!(error.to_string().contains("certificate"), "{error}");
            false
        }
    }
}

#[test]
fn a_name_that_the_certificate_does_not_cover_has_a_connection_of_its_own() {
    run(async {
        assert!(!covers(&["a.test"], "a.test", "b.test").await);
        let names = ["a.test", "*.b.test"];
        assert!(covers(&names, "a.test", "x.b.test").await);
        // A wildcard stands for one label, which is there, and the leftmost.
        assert!(!covers(&names, "a.test", "x.y.b.test").await);
        assert!(!covers(&names, "a.test", "b.test").await);
        assert!(covers(&["*.b.test"], "x.b.test", "y.b.test").await);
        // Letters' case says nothing.
        assert!(covers(&["a.test", "B.Test"], "a.test", "b.TEST").await);
    });
}

#[test]
fn another_address_or_port_is_another_server() {
    run(async {
        let house = House::open().await;
        let (client, _) = house.client(|it| it);
        house.get(&client, "a.test").await;
        // Same port, another address of this machine, where nobody listens.
        let address = format!("127.0.0.2:{}", house.server.address.port());
        house
            .names
            .lead("b.test", address.parse().expect("an address"));
        let refused = client.get(house.url("b.test")).send().await;
        assert!(refused.expect_err("nobody listens").is_connect());
    });
}

/// Although the resolver leads both to the same place.
#[test]
fn another_port_is_another_origin_with_a_connection_of_its_own() {
    run(async {
        let house = House::open().await;
        let address = house.server.address;
        let (client, _) = house.client(|it| it.resolve("b.test", 1, address));
        house.get(&client, "a.test").await;
        let other = client.get("https://b.test:1/").send().await;
        let other = finish(other.expect("an answer")).await;
        assert_eq!(other.connection.remote(), Some(address));
        assert_eq!(other.connection.coalesced_from(), None);
        assert_eq!(house.handshakes(), 2);
    });
}

#[test]
fn an_address_in_the_place_of_a_name_has_a_connection_of_its_own() {
    run(async {
        let house = House::of(&["a.test", "127.0.0.1"], Door::Open).await;
        let (client, _) = house.client(|it| it);
        assert!(!shares(&house, &client, "a.test", "127.0.0.1").await);
        let house = House::of(&["a.test", "127.0.0.1"], Door::Open).await;
        let (client, _) = house.client(|it| it);
        assert!(!shares(&house, &client, "127.0.0.1", "a.test").await);
    });
}

#[test]
fn origins_whose_settings_differ_do_not_share() {
    run(async {
        let differing = [
            OriginConfig::new().read_idle_timeout(ms(5000)),
            OriginConfig::new().max_conns_per_host(3),
            OriginConfig::new().http2(Http2::default()),
            OriginConfig::new().http1_only(),
        ];
        for own in differing {
            let house = House::open().await;
            let (client, _) =
                house.client(|it| it.origin(house.url("b.test").as_str(), own.clone()));
            let one = house.get(&client, "a.test").await;
            let other = house.get(&client, "b.test").await;
            assert_ne!(other.connection.id, one.connection.id, "{own:?}");
            assert_eq!(client.stats().total().coalesced, 0, "{own:?}");
        }
        // The same ones, by another way, are no difference.
        let house = House::open().await;
        let (client, _) = house.client(|it| {
            let own = OriginConfig::new().http2(coalescing());
            let it = it.http2(Http2::default());
            let it = it.origin(house.url("a.test").as_str(), own.clone());
            it.origin(house.url("b.test").as_str(), own)
        });
        assert!(shares(&house, &client, "a.test", "b.test").await);
    });
}

#[test]
fn a_client_with_another_certificate_has_connections_of_its_own() {
    run(async {
        let house = House::open().await;
        let (one, _) = house.client(|it| it);
        let me = house.authority.issue(&["me.test"]);
        let (other, _) = house.client(|it| {
            let tls = house.authority.trusted();
            it.tls(tls.client_certificate(me.certificate.pem(), me.key.serialize_pem()))
        });
        house.get(&one, "a.test").await;
        let done = house.get(&other, "b.test").await;
        assert_eq!(
            (done.connection.coalesced_from(), house.handshakes()),
            (None, 2)
        );
        // Which is for both its origins: whoever is asked for it shows the same.
        let done = house.get(&other, "a.test").await;
        assert!(done.connection.coalesced_from().is_some());
        assert_eq!(house.handshakes(), 2);
    });
}

#[test]
fn a_certificate_that_was_not_verified_for_a_name_says_nothing_of_another() {
    run(async {
        let house = House::open().await;
        let trusted = || house.authority.trusted();
        let blind = trusted().danger_accept_invalid_certificates(true);
        let renamed = trusted().server_name("b.test".to_owned());
        for (before, tls) in [(0, blind), (2, renamed)] {
            let (client, _) = house.client(|it| it.tls(tls));
            for name in ["a.test", "b.test"] {
                let done = house.get(&client, name).await;
                assert_eq!(done.connection.coalesced_from(), None);
            }
            assert_eq!(house.handshakes(), before + 2);
        }
    });
}

#[test]
fn connections_through_a_proxy_serve_their_own_origin() {
    run(async {
        let house = House::open().await;
        let tunnel = tunnel(house.server.address).await;
        let via = format!("http://{tunnel}");
        // Even if the names led to the proxy.
        for name in ["a.test", "b.test"] {
            house.names.lead(name, tunnel);
        }
        let proxies = Proxies::all(Proxy::new(&via).expect("a URL"));
        let (client, _) = house.client(|it| it.proxies(proxies));
        assert!(!shares(&house, &client, "a.test", "b.test").await);
    });
}
