//! RFC 9112 §3.2 with the whole client: how a URL becomes a request line and a `Host`.

use crate::common::bounded;
use http::{Method, Uri};
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Lab, scenario};

fn authority(lab: &Lab) -> String {
    let uri: Uri = lab.url("/").parse().expect("a URL");
    uri.authority().expect("an authority").to_string()
}

/// §3.2.1 MUST: path and query, `/` for an empty path; no fragment, no authority. §3.2 MUST: one `Host`, first, with
/// the authority.
#[tokio::test]
async fn urls_are_sent_in_origin_form() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let host = authority(&lab);
        let urls = [
            ("", "/"),
            ("/", "/"),
            ("?", "/?"),
            ("?q=1", "/?q=1"),
            ("#f", "/"),
            ("?q#f", "/?q"),
            ("/a?b#c", "/a?b"),
            ("/a//b/../c;d=e", "/a//b/../c;d=e"),
            ("/%7Ea", "/%7Ea"),
        ];
        for (tail, _) in urls {
            let call = client.get(&format!("http://{host}{tail}")[..]).send();
            let response = call.await.expect("an answer");
            response.bytes().await.expect("a body");
        }
        let transcript = lab.transcript();
        for (request, (_, target)) in transcript.requests().iter().zip(urls) {
            let start = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n");
            assert!(request.head.starts_with(start.as_bytes()), "{target}");
            assert_eq!(request.header_count("host"), 1);
        }
        assert_eq!(transcript.requests().len(), urls.len());
    })
    .await;
}

/// §3.2.4 MUST: a question to the server as a whole has the target `*`.
#[tokio::test]
async fn options_of_the_server_is_asked_in_asterisk_form() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let host = authority(&lab);
        let uri = Uri::builder()
            .scheme("http")
            .authority(&host[..])
            .path_and_query("*");
        let uri = uri.build().expect("a URL");
        let call = Client::new().request(Method::OPTIONS, uri).send();
        assert_eq!(call.await.expect("an answer").status(), 200);
        let transcript = lab.transcript();
        let start = format!("OPTIONS * HTTP/1.1\r\nhost: {host}\r\n");
        assert!(transcript.request(1, 1).head.starts_with(start.as_bytes()));
    })
    .await;
}

/// §3.2.3: the authority form belongs to CONNECT, which the client says to a proxy by itself. Nothing is opened for
/// it. What becomes of user information is held in `requests.rs`.
#[tokio::test]
async fn what_has_no_form_is_refused() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for call in [
            client.request(Method::CONNECT, lab.url("/")),
            client.get("/only/a/path"),
            client.get("ftp://h/"),
        ] {
            let error = call.send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        }
        assert_eq!(lab.connections().accepted, 0);
    })
    .await;
}
