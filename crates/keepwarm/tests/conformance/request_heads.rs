//! Section E of the matrix, its second half: what a request's head says and what it may not say.

use http::Method;
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Behaviour, Lab};

use crate::common::dialers::Gated;
use crate::common::{bounded, build, totals};

/// Go 107 TransportRejectsInvalidHeaders: names and values that could split a head are refused before any dial; others
/// go out.
/// Same as Go.
#[tokio::test]
async fn c107_invalid_header_fields_are_refused() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let dialer = Gated::new();
        let client = build(Client::builder().dialer(dialer.clone()));
        for (name, value) in [
            ("a b", "x"),
            ("a\0", "x"),
            ("a\n", "x"),
            ("a\r\nb", "x"),
            ("a:", "x"),
            ("é", "x"),
            ("", "x"),
            ("a", "x\ny"),
            ("a", "x\ry"),
            ("a", "x\0y"),
        ] {
            let call = client.get(lab.url("/")).header(name, value);
            let error = call.send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{name:?} {value:?}");
        }
        assert_eq!((dialer.asked(), totals(&client).requests), (0, 0));
        dialer.permit(1);
        let call = client.get(lab.url("/")).header("empty", "");
        let call = call.header("tab", "x\ty").header("utf8", "é");
        call.send().await.expect("an answer");
        let request = lab.transcript().request(1, 1).clone();
        assert_eq!(request.header("empty"), Some(""));
        assert_eq!(request.header("tab"), Some("x\ty"));
        let head = String::from_utf8(request.head).expect("UTF-8");
        assert!(head.contains("utf8: é\r\n"), "{head}");
    })
    .await;
}

/// Go 108 RequestSanitization: a line break in the host injects nothing.
/// Same as Go.
#[tokio::test]
async fn c108_a_host_injects_nothing() {
    bounded(async {
        let client = Client::new();
        let call = client.get("http://host.test/");
        let call = call.header("host", "a\r\nX-Evil: 1");
        assert_eq!(call.send().await.unwrap_err().kind(), ErrorKind::Usage);
        for url in [
            "http://a\r\nX-Evil: 1/",
            "http://a/\r\nX-Evil: 1",
            "http://a b/",
        ] {
            let error = client.get(url).send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{url:?}");
        }
        assert_eq!(totals(&client).requests, 0);
    })
    .await;
}

/// Go 109 TransportUserAgent: the default, the client's, the request's, none.
/// Differs: a request that gives several sends them all, as it gave them.
#[tokio::test]
async fn c109_user_agent() {
    bounded(async {
        let own = concat!("keepwarm/", env!("CARGO_PKG_VERSION"));
        let named = || Client::builder().user_agent("app/1".to_owned());
        let rows: [(keepwarm::Config, &[&str], &[&str]); 5] = [
            (Client::builder(), &[], &[own]),
            (named(), &[], &["app/1"]),
            (named(), &["mine/2"], &["mine/2"]),
            (named(), &["mine/2", "other/3"], &["mine/2", "other/3"]),
            (Client::builder().user_agent(None), &[], &[]),
        ];
        for (config, given, wanted) in rows {
            let lab = Lab::start(Behaviour::default()).await;
            let client = build(config);
            let mut call = client.get(lab.url("/"));
            for agent in given {
                call = call.header("user-agent", *agent);
            }
            call.send().await.expect("an answer");
            let request = lab.transcript().request(1, 1).clone();
            let agents = request.headers.iter().filter(|(name, _)| {
                // The lab keeps names as they were sent.
                name.eq_ignore_ascii_case("user-agent")
            });
            let agents: Vec<&str> = agents.map(|(_, value)| value.as_str()).collect();
            assert_eq!(agents, wanted);
        }
    })
    .await;
}

/// Go 111 ConnectRequest: CONNECT.
/// Differs: refused before any dial, until there are proxies.
/// Go 126 TransportCONNECTBidi: a tunnel.
/// Differs: as 111; streams for both directions come from an upgrade.
/// Go 127 TransportCONNECTRejected: CONNECT that is answered 405.
/// Differs: as 111.
#[tokio::test]
async fn c111_connect_is_refused() {
    bounded(async {
        let dialer = Gated::new();
        let client = build(Client::builder().dialer(dialer.clone()));
        for url in ["http://host.test:443/", "host.test:443"] {
            let error = client.request(Method::CONNECT, url).send().await;
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage, "{url}");
        }
        assert_eq!(dialer.asked(), 0);
    })
    .await;
}

/// Go 112 StarRequestMethod: the path `*`.
/// Differs: a URL names an origin, and `*` alone names none: refused. Behind an origin it is the path `/*`.
#[tokio::test]
async fn c112_a_star_names_no_origin() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let client = Client::new();
        let error = client.request(Method::OPTIONS, "*").send().await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage);
        let call = client.request(Method::OPTIONS, lab.url("/*"));
        call.send().await.expect("an answer");
        assert_eq!(lab.transcript().request(1, 1).target, "/*");
    })
    .await;
}
