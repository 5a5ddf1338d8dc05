//! Proxies that keep no connection, told from servers that do not.

use std::time::Duration;

use keepwarm_doctor::Cause;
use keepwarm_lab::{Behaviour, ConnectionHeader, Framing, Which};

use crate::support::examine;

const BRIEF: Duration = Duration::from_millis(1500);

fn closing() -> Behaviour {
    Behaviour {
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    }
}

#[tokio::test]
async fn a_proxy_that_closes_or_downgrades_is_named_as_that() {
    let downgrading = Behaviour {
        http10: true,
        ..Behaviour::default()
    };
    let without_length = Behaviour {
        framing: Framing::UntilClose,
        ..downgrading.clone()
    };
    for (behaviour, says) in [
        (
            closing().header("Via", "1.1 tinyproxy (tinyproxy/1.11.1)"),
            "A proxy ends",
        ),
        (
            closing().header("X-Cache", "MISS from proxy.example"),
            "A proxy ends",
        ),
        (
            downgrading.clone().header("Via", "1.1 old"),
            "for a server that speaks more",
        ),
        (
            downgrading.header("Via", "1.0 old"),
            "A proxy answers HTTP/1.0 and",
        ),
        (
            without_length.header("Via", "1.1 old"),
            "for a server that speaks more",
        ),
    ] {
        let it = examine(behaviour, BRIEF).await;
        it.has(Cause::ProxyBreaksKeepAlive);
        assert_eq!(it.causes(), [Cause::ProxyBreaksKeepAlive]);
        assert!(
            it.diagnosis.summary.contains(says),
            "{}",
            it.diagnosis.summary
        );
    }
}

#[tokio::test]
async fn without_a_proxy_it_is_the_server() {
    let it = examine(closing(), BRIEF).await;
    it.has(Cause::KeepAliveDisabled)
        .has_no(Cause::ProxyBreaksKeepAlive);
    let no_length = Behaviour {
        framing: Framing::UntilClose,
        ..Behaviour::default()
    };
    let it = examine(no_length.header("Via", "1.1 cache"), BRIEF).await;
    it.has(Cause::ResponseWithoutLength)
        .has_no(Cause::ProxyBreaksKeepAlive);
    let kept = Behaviour::default().header("Via", "1.1 cache");
    examine(kept, BRIEF).await.is_healthy();
}
