//! The convenient forms of a request: URLs, queries, credentials and forms, as they reach the server.

use crate::common::{answering, bounded, ok};
use http::Uri;
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Lab, Request};

async fn lab() -> Lab {
    Lab::start(answering(ok("done"))).await
}

fn last(lab: &Lab) -> Request {
    let transcript = lab.transcript();
    let requests = transcript.requests();
    (*requests.last().expect("a request")).clone()
}

#[tokio::test]
async fn a_url_is_sent_as_it_is_written_or_encoded() {
    bounded(async {
        let lab = lab().await;
        let client = Client::new();
        for (written, sent) in [
            ("/ä b?x=ü", "/%C3%A4%20b?x=%C3%BC"),
            ("/a/../b//%7e?q#part", "/a/../b//%7e?q"),
            ("", "/"),
            ("?only=query", "/?only=query"),
        ] {
            let call = client.get(lab.url(written));
            call.send().await.expect("an answer");
            assert_eq!(last(&lab).target, sent, "{written}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_method_has_its_verb_and_a_url_is_taken_however_it_was_read() {
    bounded(async {
        let lab = lab().await;
        let client = Client::new();
        let url: url::Url = lab.url("/x?y").parse().expect("a URL");
        for (call, method) in [
            (client.get(url.clone()), "GET"),
            (client.head(url.clone()), "HEAD"),
            (client.post(&url), "POST"),
            (client.put(&url), "PUT"),
            (client.patch(&url), "PATCH"),
            (client.delete(&url), "DELETE"),
        ] {
            call.send().await.expect("an answer");
            let request = last(&lab);
            assert_eq!(
                (request.method.as_str(), &request.target[..]),
                (method, "/x?y")
            );
        }
        let mail: url::Url = "mailto:user@h.test".parse().expect("a URL");
        let error = client.get(mail).send().await.expect_err("no HTTP");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_a_usage_error() {
    bounded(async {
        let client = Client::new();
        for url in [
            "/relative",
            "ex.com",
            "",
            "http://",
            "http:///x",
            "ftp://h/",
            "http://a b/",
            "ä",
        ] {
            let error = client.get(url).send().await.expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Usage, "{url}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_credentials_of_a_url_are_sent_unless_the_request_has_its_own() {
    bounded(async {
        let lab = lab().await;
        let client = Client::new();
        let url = lab.url("/").replace("http://", "http://us%20er:p%40ss@");
        let uri: Uri = url.parse().expect("a URI");
        client.get(&url).send().await.expect("an answer");
        assert_eq!(
            last(&lab).header("authorization"),
            Some("Basic dXMgZXI6cEBzcw==")
        );
        let error = client.get(uri).send().await;
        let error = error.expect_err("a ready-made URI is taken as it is");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(!format!("{error} {error:?}").contains("ss@"), "{error:?}");
        assert_eq!(
            last(&lab).header("host"),
            Some(lab.addr().to_string().as_str())
        );
        let call = client.get(&url).header("authorization", "Mine");
        call.send().await.expect("an answer");
        assert_eq!(last(&lab).header_count("authorization"), 1);
        assert_eq!(last(&lab).header("authorization"), Some("Mine"));
        assert_eq!(
            client.stats().total().opened,
            1,
            "credentials are no part of the pool's key"
        );
    })
    .await;
}

#[tokio::test]
async fn basic_and_bearer_replace_each_other_and_are_not_shown() {
    bounded(async {
        let lab = lab().await;
        let client = Client::new();
        let call = client
            .get(lab.url("/"))
            .bearer_auth("tok.en")
            .basic_auth("Aladdin", "open sesame");
        assert!(!format!("{call:?}").contains("QWxhZGRpbjpvcGVuIHNlc2FtZQ"));
        call.send().await.expect("an answer");
        // The example of RFC 7617 §2.
        assert_eq!(
            last(&lab).header("authorization"),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        let call = client
            .get(lab.url("/"))
            .basic_auth("user", "secret")
            .bearer_auth("tok.en");
        assert!(!format!("{call:?}").contains("tok.en"));
        call.send().await.expect("an answer");
        assert_eq!(last(&lab).header("authorization"), Some("Bearer tok.en"));
        assert_eq!(last(&lab).header_count("authorization"), 1);
    })
    .await;
}

#[tokio::test]
async fn credentials_that_cannot_be_sent_are_refused_and_not_repeated() {
    bounded(async {
        let client = Client::new();
        let get = || client.get("http://a.test/");
        for call in [
            get().basic_auth("sec:ret", "x"),
            get().basic_auth("user", "sec\nret"),
            get().bearer_auth("sec\r\nret"),
        ] {
            let error = call.send().await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(!format!("{error} {error:?}").contains("ret\""), "{error:?}");
            assert!(!error.to_string().contains("sec"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_query_is_added_to_what_the_url_has() {
    bounded(async {
        let lab = lab().await;
        let client = Client::new();
        let call = client
            .get(lab.url("/p?a=1"))
            .query(&[("b c", "d&e"), ("ü", "=")]);
        call.query([("last", String::from("x"))])
            .send()
            .await
            .expect("an answer");
        assert_eq!(last(&lab).target, "/p?a=1&b+c=d%26e&%C3%BC=%3D&last=x");
    })
    .await;
}

#[cfg(feature = "form")]
#[tokio::test]
async fn a_form_is_encoded_with_its_type_and_length() {
    bounded(async {
        let lab = lab().await;
        let client = Client::new();
        let call = client
            .post(lab.url("/"))
            .form(&[("name", "Zoë & Co"), ("n", "1")]);
        call.send().await.expect("an answer");
        let seen = last(&lab);
        assert_eq!(seen.body, b"name=Zo%C3%AB+%26+Co&n=1");
        assert_eq!(
            seen.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(seen.header("content-length"), Some("24"));
        let call = client.post(lab.url("/")).form(&[[["nested"]]]);
        let error = call.send().await.expect_err("a form is flat");
        assert_eq!(error.kind(), ErrorKind::Usage);
    })
    .await;
}

#[cfg(not(any(
    feature = "brotli",
    feature = "deflate",
    feature = "gzip",
    feature = "zstd"
)))]
#[tokio::test]
async fn without_a_codec_nobody_can_ask_for_compression() {
    bounded(async {
        let error = Client::builder()
            .decompress(true)
            .build()
            .expect_err("no codec");
        assert_eq!(error.kind(), ErrorKind::Usage);
        let call = Client::new().get("http://a.test/").decompress(true);
        assert_eq!(
            call.send().await.expect_err("no codec").kind(),
            ErrorKind::Usage
        );
    })
    .await;
}
