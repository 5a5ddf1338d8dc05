//! HTTP/2 in the clear: what is measured of peers that write their frames by hand.

mod hostile;
mod peer;

use std::time::Duration;

use keepwarm_doctor::{
    Cause, Diagnosis, EndedBy, Examination, Life, Settings, Severity, Situation,
};
use keepwarm_doctor::{Target, Unreachable};

use self::peer::{Conduct, Farewell, start};
use crate::support::{Examined, within};

const SOON: Duration = Duration::from_secs(20);
const BRIEF: Duration = Duration::from_millis(1500);
const MS: fn(u64) -> Duration = Duration::from_millis;
/// How often a measurement is made anew when this machine was held up, or the peer: it was late then.
const TRIES: usize = 5;

async fn begin(url: &str, settings: Settings) -> Result<Examination, Unreachable> {
    let target = Target::of(&url.parse().expect("a URL")).expect("a target");
    Examination::begin(target.http2_only(), settings).await
}

async fn examine(conduct: Conduct, limit: Duration) -> Examined {
    let configured = conduct.idle;
    let url = start(conduct);
    let mut tries = 0;
    loop {
        let mut examination = begin(&url, within(limit)).await.expect("it is there");
        examination.finished().await;
        let measured = examination.conclude();
        let diagnosis = Diagnosis::of(&measured, None);
        tries += 1;
        let is_uncertain = |life| {
            matches!(
                life,
                Life::Ended {
                    uncertain: true,
                    ..
                }
            )
        };
        let mut lives = measured.samples.iter().map(|sample| sample.life);
        let is_held_up = lives.any(is_uncertain);
        let late = configured.map(|idle| idle + MS(50).max(idle / 50));
        let is_late = late.is_some_and(|late| diagnosis.idle.high.is_some_and(|high| high > late));
        if !(is_held_up || is_late) || tries == TRIES {
            return Examined {
                measured,
                diagnosis,
            };
        }
    }
}

impl Examined {
    fn life(&self, situation: Situation) -> Life {
        let mut samples = self.measured.samples.iter();
        let found = samples.find(|sample| sample.situation == situation);
        found.expect("it was waited for").life
    }
}

#[tokio::test]
async fn goaway_on_idle_is_the_end_and_the_fin_behind_it_is_told() {
    for configured in [700, 1300] {
        let it = examine(Conduct::idle(configured, Farewell::GoAwayThenFin), SOON).await;
        it.idles(MS(configured));
        assert_eq!(it.diagnosis.idle.ended_by, Some(EndedBy::GoAway));
        assert_eq!(it.diagnosis.http2.idle.value, it.diagnosis.idle.value);
        let go_away = it.measured.http2.go_away.expect("it came");
        assert!(go_away.on_idle);
        assert_eq!((go_away.code, go_away.stages), (0, 1));
        assert_eq!(
            (go_away.code_name().as_str(), go_away.last_stream),
            ("NO_ERROR", 1)
        );
        let (by, closed) = go_away.closed.expect("it was closed");
        assert_eq!(by, EndedBy::Fin);
        assert!(closed >= go_away.after);
        assert_eq!(it.diagnosis.protocols, ["h2"]);
        assert_eq!(it.diagnosis.recommendation.http_version, Some("h2"));
        it.has_no(Cause::ServerResetsIdle).has_no(Cause::StrayBytes);
    }
}

#[tokio::test]
async fn two_goaways_are_one_end_in_two_stages() {
    let apart = MS(400);
    let it = examine(Conduct::idle(900, Farewell::TwoGoAways(apart)), SOON).await;
    it.idles(MS(900));
    let go_away = it.measured.http2.go_away.expect("it came");
    assert_eq!((go_away.stages, go_away.last_stream), (2, 1));
    let (_, closed) = go_away.closed.expect("it was closed");
    assert!(closed >= go_away.after + apart, "{go_away:?}");
}

#[tokio::test]
async fn a_goaway_without_a_close_behind_it_says_so() {
    let it = examine(Conduct::idle(600, Farewell::GoAwayAndStay), SOON).await;
    it.idles(MS(600));
    let go_away = it.measured.http2.go_away.expect("it came");
    assert_eq!((go_away.stages, go_away.closed), (1, None));
}

#[tokio::test]
async fn ends_without_goaway_have_their_names() {
    let it = examine(Conduct::idle(800, Farewell::Fin), SOON).await;
    it.idles(MS(800));
    assert_eq!(it.diagnosis.idle.ended_by, Some(EndedBy::Fin));
    assert_eq!(it.measured.http2.go_away, None);
    let it = examine(Conduct::idle(800, Farewell::Reset), SOON).await;
    it.idles(MS(800)).has(Cause::ServerResetsIdle);
    let summaries = it.diagnosis.findings.iter().map(|it| it.summary.as_str());
    assert!(
        summaries
            .clone()
            .any(|it| it.contains("resets idle HTTP/2"))
    );
    let it = examine(Conduct::idle(800, Farewell::Stray), SOON).await;
    it.idles(MS(800)).has(Cause::StrayBytes);
}

#[tokio::test]
async fn what_a_ping_does_is_seen() {
    let never = Conduct::idle(1500, Farewell::GoAwayThenFin);
    let counts = Conduct {
        ping_counts: true,
        ..never.clone()
    };
    let refuses = Conduct {
        most_pings: 1,
        ..never.clone()
    };
    let it = examine(never, SOON).await;
    assert_eq!(
        it.diagnosis.http2.ping_counts,
        Some(false),
        "{:#?}",
        it.measured
    );
    let it = examine(counts, SOON).await;
    assert_eq!(
        it.diagnosis.http2.ping_counts,
        Some(true),
        "{:#?}",
        it.measured
    );
    let it = examine(refuses, SOON).await;
    assert_eq!(it.diagnosis.http2.ping_counts, None);
    assert!(it.measured.http2.pings.is_some_and(|pings| pings.refused));
    let mut notes = it.measured.notes.iter();
    assert!(notes.any(|note| note.contains("ENHANCE_YOUR_CALM")));
}

#[tokio::test]
async fn a_limit_on_requests_is_exact_and_so_is_its_stage() {
    for (most, farewell, stages) in [
        (7, Farewell::GoAwayThenFin, 1),
        (23, Farewell::TwoGoAways(MS(100)), 2),
    ] {
        let conduct = Conduct {
            max_requests: Some(most),
            farewell,
            ..Conduct::streams(100)
        };
        let it = examine(conduct, BRIEF).await;
        it.has(Cause::MaxRequestsLow);
        assert_eq!(it.diagnosis.max_requests, Some(u64::from(most)));
        let known = it.measured.http2.max_requests.as_ref().expect("it ended");
        assert_eq!((known.counts.len(), known.announced), (2, true));
        let go_away = it.measured.http2.go_away.expect("it came");
        assert_eq!((go_away.stages, go_away.on_idle), (stages, false));
        assert_eq!(go_away.last_stream, 2 * most - 1);
        assert_eq!(it.measured.reuse, Some(true));
    }
}

#[tokio::test]
async fn a_complaint_is_no_limit_on_requests() {
    let conduct = Conduct {
        max_requests: Some(9),
        code: 11,
        ..Conduct::streams(100)
    };
    let it = examine(conduct, BRIEF).await;
    it.has_no(Cause::MaxRequestsLow);
    let known = it
        .measured
        .max_requests
        .as_ref()
        .expect("some were answered");
    assert_eq!((known.at_least, known.counts.len()), (9, 0));
    let mut notes = it.measured.notes.iter();
    assert!(notes.any(|note| note.contains("9 requests") && note.contains("ENHANCE_YOUR_CALM")));
}

#[tokio::test]
async fn few_streams_are_found_by_their_number() {
    let cases = [
        (1, Severity::Medium),
        (9, Severity::Medium),
        (99, Severity::Low),
    ];
    for (most, severity) in cases {
        let it = examine(Conduct::streams(most), BRIEF).await;
        it.has(Cause::Http2FewStreams);
        assert_eq!(it.measured.http2.max_concurrent_streams, Some(most));
        assert_eq!(it.diagnosis.findings[0].severity, severity);
    }
}

#[tokio::test]
async fn healthy_servers_have_no_findings() {
    let healthy = [
        (Conduct::default(), None),
        (Conduct::streams(100), Some(100)),
        (Conduct::idle(60_000, Farewell::GoAwayThenFin), Some(128)),
    ];
    for (conduct, streams) in healthy {
        let it = examine(conduct, BRIEF).await;
        assert!(it.causes().is_empty(), "{:#?}", it.diagnosis);
        it.is_healthy();
        assert_eq!(it.measured.http2.max_concurrent_streams, streams);
        let known = it.measured.max_requests.as_ref().expect("it was asked");
        assert!(known.at_least > 1 && known.counts.is_empty(), "{known:?}");
        assert!(it.diagnosis.idle.at_least.is_some());
        assert_eq!(it.diagnosis.http2.ping_counts, None);
        assert!(matches!(
            it.life(Situation::Http2ConnectOnly),
            Life::Open(_)
        ));
        assert!(it.measured.notes.is_empty(), "{:?}", it.measured.notes);
    }
}
