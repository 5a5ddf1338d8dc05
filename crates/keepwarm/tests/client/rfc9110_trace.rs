//! RFC 9110 §9.3.8: TRACE.

use crate::common::bounded;
use http::Method;
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Lab, scenario};

/// MUST NOT: it has no content; without, it is sent as any other.
#[tokio::test]
async fn it_has_no_content() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let trace = || client.request(Method::TRACE, lab.url("/"));
        let error = trace().body("secret").send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        assert_eq!(lab.connections().accepted, 0);
        assert_eq!(trace().send().await.expect("an answer").status(), 200);
    })
    .await;
}
