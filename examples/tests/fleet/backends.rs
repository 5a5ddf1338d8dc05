//! `Backends`: servers with the habits that the metrics tell apart, behind the gateway.
//!
//! Owns them and the traffic. Refuses to know what is asked of the numbers.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use keepwarm::{Client, OriginConfig};
use keepwarm_lab::{Behaviour, Lab, scenario};
use tokio::task::{JoinHandle, JoinSet};

use crate::gateway::Gateway;

/// How many calls are made at once to the backend that may have only one connection.
const CROWD: usize = 6;

/// Servers behind a gateway.
pub(crate) struct Backends {
    /// `http://host:port` of the gateway.
    pub(crate) gateway: String,
    _labs: Vec<Lab>,
}

impl Backends {
    pub(crate) async fn start() -> Self {
        let plans = [
            ("steady", scenario::well_behaved()),
            // Closes idle connections at once.
            ("hasty", scenario::idle_timeout(Duration::from_millis(20))),
            ("rude", scenario::peer_said_close()),
            // Closes instead of answering the second request of a connection.
            ("racing", scenario::close_instead_of_answer(2)),
            ("slow", scenario::slow_head(Duration::from_millis(100))),
        ];
        let mut backends = BTreeMap::new();
        let mut labs = Vec::new();
        for (name, behaviour) in plans {
            let lab = lab(behaviour).await;
            backends.insert(name.to_owned(), root(&lab));
            labs.push(lab);
        }
        // A port at which nobody listens.
        let gone = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let gone = format!("http://{}", gone.expect("an address"));
        backends.insert("gone".to_owned(), gone);

        let narrow = OriginConfig::new().max_conns_per_host(1);
        let config = Client::builder().origin(backends["slow"].as_str(), narrow);
        let gateway = Gateway::new(backends, config).expect("settings that work");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(axum::serve(listener, gateway.router()).into_future());
        Self {
            gateway: format!("http://{address}"),
            _labs: labs,
        }
    }

    /// Calls of each kind, for as long as the handle is not aborted.
    pub(crate) fn traffic(&self) -> JoinHandle<()> {
        let gateway = self.gateway.clone();
        tokio::spawn(async move {
            let client = Client::new();
            loop {
                round(&client, &gateway).await;
                // Long enough for idle connections to be closed on both sides.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }
}

async fn lab(behaviour: Behaviour) -> Lab {
    Lab::start(behaviour).await
}

fn root(lab: &Lab) -> String {
    lab.url("/").trim_end_matches('/').to_owned()
}

async fn round(client: &Client, gateway: &str) {
    let path = |name: &str| format!("{gateway}/{name}/x");
    for _ in 0..5 {
        finish(client.get(path("steady"))).await;
    }
    finish(client.get(path("hasty"))).await;
    finish(client.get(path("rude"))).await;
    finish(client.get(path("gone"))).await;
    // The second is sent again, on a connection of its own; the post meets the same and is not.
    for _ in 0..2 {
        finish(client.get(path("racing"))).await;
    }
    finish(client.post(path("racing")).body("x")).await;
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        crowd.spawn(finish(client.get(path("slow"))));
    }
    crowd.join_all().await;
}

/// To the end of its body; what fails at a backend the gateway answers too.
async fn finish(request: keepwarm::RequestBuilder) {
    let response = request.send().await.expect("an answer of the gateway");
    response.bytes().await.expect("a body");
}
