//! Row B19 of the baseline, alone in its program: clients are counted per process.

mod support;

use keepwarm::Client;
use keepwarm::advice::Advice;
use keepwarm_lab::{Lab, scenario};

use support::{finish, run};

#[test]
fn b19_a_client_per_request_is_detected_and_named() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let watching = Client::new();
        for _ in 0..7 {
            one_request_each(&lab).await;
        }
        assert_eq!(found(&watching), None, "a few clients are no habit");
        for _ in 0..3 {
            one_request_each(&lab).await;
        }
        let Some(Advice::ClientPerRequest { built, hardly_used }) = found(&watching) else {
            panic!("{:?}", watching.advice());
        };
        assert_eq!((built, hardly_used), (11, 10));
        let text = found(&watching).expect("just seen").to_string();
        assert!(text.contains("clone"), "it names the cure: {text}");
        assert_eq!(lab.connections().accepted, 10, "nothing was reused");
    });
}

async fn one_request_each(lab: &Lab) {
    let client = Client::new();
    finish(client.get(lab.url("/")).send().await.expect("an answer")).await;
}

fn found(client: &Client) -> Option<Advice> {
    let mut advice = client.advice().into_iter();
    advice.find(|it| it.slug() == "client-per-request")
}
