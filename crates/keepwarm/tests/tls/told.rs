//! What the observer is told of handshakes.

use keepwarm::event::EventKind;

use crate::authority::Authority;
use crate::server::{TlsServer, config};
use crate::support::{client, run};

/// Go 191 TransportEventTraceTLSVerify: a handshake that fails is told, with its error.
/// Differs: as the end of the dial it was part of.
#[test]
fn c191_a_handshake_that_fails_is_told_with_its_error() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["another.test"]))).await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        let error = client.get(server.url("/")).send().await;
        let error = error.expect_err("another name");
        let events = log.events();
        let dials: Vec<_> = events
            .iter()
            .filter_map(|kind| match kind {
                EventKind::DialStarted { dial, .. } => Some((*dial, None)),
                EventKind::DialEnded { dial, outcome } => Some((*dial, Some(outcome.clone()))),
                _ => None,
            })
            .collect();
        let [(began, None), (ended, Some(Err(told)))] = &dials[..] else {
            panic!("{events:#?}");
        };
        assert_eq!(began, ended);
        assert!(told.contains("another.test"), "{told}");
        assert_eq!(*told, error.to_string());
    });
}
