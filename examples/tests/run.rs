//! Runs every example and holds what it prints against what came of it. The examples are programs; here they are
//! modules, so that their `run` is called as their `main` does.

#[path = "../cookies.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod cookies;
#[path = "../dial_log.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod dial_log;
#[path = "../gateway.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod gateway;
#[path = "../grpc.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod grpc;
#[path = "../multipart.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod multipart;
#[path = "../tower_stack.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod tower_stack;

use tonic::Code;

#[tokio::test]
async fn grpc_shares_one_connection() {
    let outcome = grpc::run().await.expect("it runs");
    assert_eq!(outcome.reading, 215);
    assert_eq!(outcome.streamed, [215, 216, 214]);
    let refused = outcome.refused.expect("there is no cellar");
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(refused.message(), "there is no cellar");
    let broke_off = outcome.broke_off.expect("five are too many");
    assert_eq!(broke_off.code(), Code::ResourceExhausted);
    assert_eq!(broke_off.metadata().get("sensor").expect("it"), "tired");
    assert_eq!((outcome.requests, outcome.connections), (14, 1));
}

#[tokio::test]
async fn the_dial_log_has_a_line_per_connection() {
    let outcome = dial_log::run().await.expect("it runs");
    assert_eq!(outcome.calls, 13);
    assert_eq!(outcome.dials.len(), 3);
    assert_eq!(outcome.opened, 3);
    for line in &outcome.dials {
        assert!(line.contains("127.0.0.1:"), "{line}");
    }
}

#[tokio::test]
async fn the_gateway_tells_what_its_connections_do() {
    let outcome = gateway::run().await.expect("it runs");
    let line = |name: &str, label: &str| {
        let mut lines = outcome.metrics.lines();
        let found = lines.find(|line| line.starts_with(name) && line.contains(label));
        found
            .and_then(|line| line.rsplit(' ').next())
            .unwrap_or_default()
    };
    let requests = "keepwarm_client_requests_total{";
    assert_eq!(line(requests, "reused=\"true\""), "9");
    assert_eq!(line(requests, "reused=\"false\""), "1");
    assert_eq!(line("http_client_open_connections{", "\"idle\""), "1");
}

#[tokio::test]
async fn the_tower_stack_tries_again_and_keeps_its_connections() {
    let outcome = tower_stack::run().await.expect("it runs");
    assert_eq!(outcome.body, "at last");
    // Two refusals, one call that was given up, one answer.
    assert_eq!(outcome.attempts, 4);
    assert_eq!(outcome.opened, 2);
    assert_eq!(outcome.cancelled, 1);
}

#[tokio::test]
async fn the_jar_brings_back_what_a_redirect_set() {
    let outcome = cookies::run().await.expect("it runs");
    assert_eq!(outcome.before, 401);
    assert_eq!(outcome.after, "hello, ferris");
    assert_eq!(outcome.elsewhere, "no cookie");
    assert_eq!(outcome.opened, 1);
}

#[tokio::test]
async fn the_form_arrives_part_by_part() {
    let outcome = multipart::run().await.expect("it runs");
    let [title, photo] = outcome.parts.as_slice() else {
        panic!("two parts: {outcome:?}");
    };
    assert_eq!((title.name.as_str(), title.bytes), ("title", 12));
    assert_eq!(title.file_name, None);
    assert_eq!(title.begins, "a long photo");
    assert_eq!((photo.name.as_str(), photo.bytes), ("photo", 3_000_000));
    assert_eq!(photo.file_name.as_deref(), Some("my %22best%22 one.jpg"));
    assert_eq!(photo.begins, "xxxxxxxxxxxx");
    assert_eq!(outcome.declared, Some(outcome.length));
    assert_eq!(outcome.opened, 1);
}
