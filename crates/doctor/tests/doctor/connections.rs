//! How many connections an examination has open at once, and what it does when it may not have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keepwarm_doctor::{Diagnosis, Settings};
use keepwarm_lab::{Accept, Behaviour, Conduct, Lab, Plan, scenario};

use crate::kernel::connected_to;
use crate::support::{begin, within};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The most that are connected at once until the flag is set.
fn watch(port: u16, over: Arc<AtomicBool>) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut most = 0;
        while !over.load(Ordering::Relaxed) {
            most = most.max(connected_to(port));
            std::thread::sleep(MS(1));
        }
        most
    })
}

#[tokio::test]
async fn never_more_connections_are_open_than_may_be() {
    for (connections, at_least) in [(2, 1), (5, 4), (16, 8)] {
        let lab = Lab::spawn_thread(scenario::idle_timeout(MS(60_000)));
        let port = lab.addr().port();
        let over = Arc::new(AtomicBool::new(false));
        let watching = watch(port, Arc::clone(&over));
        let settings = Settings {
            connections,
            most_requests: 40,
            ..within(MS(1500))
        };
        let mut examination = begin(&lab.url("/"), settings).await.expect("it is there");
        examination.finished().await;
        over.store(true, Ordering::Relaxed);
        let most = watching.join().expect("it only counts");
        assert!(
            (at_least..=connections).contains(&most),
            "{most} of {connections}"
        );
        let measured = examination.conclude();
        // With two connections everything is asked all the same, one thing after the other.
        assert!(
            measured.http10.is_some() && measured.announced.is_some(),
            "{measured:#?}"
        );
        assert_eq!(
            measured.max_requests.as_ref().map(|it| it.at_least),
            Some(40)
        );
        assert_eq!(measured.error_close.len(), 2, "{measured:#?}");
        let diagnosis = Diagnosis::of(&measured, None);
        assert!(diagnosis.findings.is_empty(), "{diagnosis:#?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_further_connections_is_noted_and_is_no_finding() {
    let refusals = [
        Behaviour {
            accept: Accept::ThenClose,
            ..Behaviour::default()
        },
        Behaviour {
            accept: Accept::ThenReset,
            ..Behaviour::default()
        },
        Behaviour {
            status: 503,
            connection: keepwarm_lab::ConnectionHeader::Close(keepwarm_lab::Which::All),
            ..Behaviour::default()
        },
    ];
    for refusal in refusals {
        let said = format!("{refusal:?}");
        let plan = Plan::choose(move |number| match number {
            1..=3 => Conduct::from(Behaviour::default()),
            _ => Conduct::from(refusal.clone()),
        });
        let lab = Lab::spawn_thread(plan);
        let mut examination = begin(&lab.url("/"), within(MS(1500)))
            .await
            .expect("it is there");
        examination.finished().await;
        let measured = examination.conclude();
        assert!(!measured.notes.is_empty(), "{said}");
        let diagnosis = Diagnosis::of(&measured, None);
        assert!(
            diagnosis.findings.is_empty(),
            "{said}: {diagnosis:#?} {:#?}",
            measured.notes
        );
    }
}
