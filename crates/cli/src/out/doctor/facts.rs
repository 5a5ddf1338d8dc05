//! What was measured, a line each.
//!
//! Owns their names and their words. Refuses to judge.

use keepwarm::Human;
use keepwarm_doctor::{
    Announced, ClientFit, Diagnosis, EndedBy, IdleTimeout, Life, Measured, SilentDrop, Situation,
};

use super::{WIDTH, cut, http2, seconds};
use crate::out::style::{DIM, Painted};

pub(super) fn facts(measured: &Measured, diagnosis: &Diagnosis) -> Vec<String> {
    let mut facts: Vec<(&str, String)> = vec![
        ("protocol", protocol(measured, diagnosis)),
        ("reuse", reuse(measured)),
        ("idle timeout", idle(&diagnosis.idle)),
    ];
    facts.extend(silence(&diagnosis.silent_drop).map(|said| ("silent drop", said)));
    facts.extend(before_request(measured).map(|said| ("before a request", said)));
    let age = diagnosis.max_age.value;
    facts.extend(age.map(|age| ("greatest age", format!("{}, though not idle", seconds(age)))));
    facts.extend(requests(measured, diagnosis).map(|said| ("requests", said)));
    facts.extend(measured.announced.map(|it| ("announced", announced(it))));
    if let Some(http10) = measured.http10 {
        let said = if http10.keep_alive {
            "kept alive when asked"
        } else {
            "not kept alive"
        };
        facts.push(("HTTP/1.0", said.to_owned()));
    }
    facts.extend(http2::said(measured, diagnosis).map(|said| ("HTTP/2", said)));
    facts.extend(other_answers(measured).map(|said| ("other answers", said)));
    if let Some(fit) = &diagnosis.client {
        facts.push(("client", client(fit)));
        facts.extend(races(fit, &diagnosis.idle).map(|said| ("races", said)));
    }
    if let Some(product) = diagnosis.products.first() {
        let said = format!(
            "{} ({}): {}",
            product.name,
            product.confidence.word(),
            product.why
        );
        facts.push(("looks like", said));
    }
    let line = |(name, said): (&str, String)| {
        let name = Painted(DIM, format!("{name:<16}"));
        let said = cut(&said, WIDTH - 17);
        format!("{name} {said}")
    };
    facts.into_iter().map(line).collect()
}

fn client(fit: &ClientFit) -> String {
    let drops = match fit.idle_timeout {
        Some(idle) => format!("idle connections for {}", seconds(idle)),
        None => "idle connections until the server ends them".to_owned(),
    };
    let most = fit.idle_per_host.map(|most| format!(", {most} a host"));
    let fits = match fit.fits {
        Some(true) => ": fits",
        Some(false) => ": does not fit",
        None => "",
    };
    format!(
        "{} keeps {drops}{}{fits}",
        fit.product,
        most.unwrap_or_default()
    )
}

/// How often requests meet a close, at the rate that was asked for and at the worst.
fn races(fit: &ClientFit, idle: &IdleTimeout) -> Option<String> {
    let (races, worst) = (fit.races_per_million?, fit.worst_per_million?);
    let round = |number: f64| match number {
        _ if number >= 10.0 => format!("{number:.0}"),
        _ if number >= 0.001 => format!("{number:.3}"),
        _ => "0".to_owned(),
    };
    let said = format!(
        "{} of a million requests at {}/s meet a close",
        round(races),
        fit.rate_per_s
    );
    let at_worst = idle.value.filter(|_| worst >= 0.001).map(|value| {
        format!(
            "; at most {}, at one every {}",
            round(worst),
            seconds(value)
        )
    });
    Some(said + &at_worst.unwrap_or_default())
}

fn protocol(measured: &Measured, diagnosis: &Diagnosis) -> String {
    let names: Vec<_> = diagnosis
        .protocols
        .iter()
        .map(|name| name.to_uppercase())
        .collect();
    let h3 = match measured.pilot.advertises_h3() {
        true => "; h3 advertised",
        false => "",
    };
    let round_trip = Human(measured.pilot.round_trip);
    let (version, status) = (measured.pilot.version, measured.pilot.status);
    format!(
        "{}{h3} (examined: {version:?}), status {status}, round trip {round_trip}",
        names.join(", ")
    )
}

fn reuse(measured: &Measured) -> String {
    match measured.reuse {
        Some(true) => "yes: a second request on the same connection was answered".to_owned(),
        Some(false) => format!("no: {}", measured.pilot.reuse),
        None => "not known".to_owned(),
    }
}

pub(super) fn idle(idle: &IdleTimeout) -> String {
    let by = idle.ended_by.map_or("", EndedBy::words);
    let count = idle.connections;
    let connections = match count {
        1 => "1 connection".to_owned(),
        _ => format!("{count} connections"),
    };
    let text = match (idle.value, idle.at_least) {
        (Some(_), _) if idle.differs() => {
            let values: Vec<_> = idle.values.iter().map(|it| seconds(*it)).collect();
            format!("{}, with {by} ({connections})", values.join(" or "))
        }
        (Some(_), None) if idle.is_jittered() => {
            let bounds = [idle.low, idle.high].map(|it| seconds(it.unwrap_or_default()));
            let bounds = bounds.join(" to ");
            format!("{bounds} (jittered), with {by} ({connections})")
        }
        (Some(value), None) => format!("{}, with {by} ({connections})", seconds(value)),
        (Some(value), Some(_)) => {
            format!(
                "{}, with {by}; others of {count} were still open",
                seconds(value)
            )
        }
        (None, Some(open)) => format!("over {} ({connections} still open)", seconds(open)),
        (None, None) => "not measured".to_owned(),
    };
    if idle.uncertain {
        format!("{text}; uncertain, this machine was held up")
    } else {
        text
    }
}

fn silence(seen: &SilentDrop) -> Option<String> {
    let bad = seconds(seen.first_bad?);
    let good = seen.last_good.map(seconds);
    let good = good.map_or_else(String::new, |good| format!(", alive after {good}"));
    let helps = match seen.tcp_keepalive_helps {
        Some(true) => "; TCP keepalive helps",
        Some(false) => "; TCP keepalive does not help",
        None => "",
    };
    Some(format!("dead after {bad}{good}{helps}"))
}

fn before_request(measured: &Measured) -> Option<String> {
    let ended = |situation| {
        let mut samples = measured.samples.iter();
        match samples.find(|it| it.situation == situation)?.life {
            Life::Ended { after, by, .. } => {
                Some(format!("{}, with {}", seconds(after), by.words()))
            }
            Life::Lost(_) | Life::Open(_) => None,
        }
    };
    let shaken =
        ended(Situation::HandshakeOnly).map(|said| format!("{said} (after the handshake)"));
    let connected = ended(Situation::ConnectOnly);
    let both: Vec<_> = connected.into_iter().chain(shaken).collect();
    (!both.is_empty()).then(|| both.join("; "))
}

fn requests(measured: &Measured, diagnosis: &Diagnosis) -> Option<String> {
    let known = measured.max_requests.as_ref()?;
    let how = if known.announced {
        "announced"
    } else {
        "without announcing it"
    };
    Some(match diagnosis.max_requests {
        Some(most) => format!("{most} on a connection, then it ends, {how}"),
        None if known.counts.is_empty() => {
            format!("{} on one connection, and it was open", known.at_least)
        }
        None => {
            let counts: Vec<_> = known.counts.iter().map(u64::to_string).collect();
            format!("ended after {}, {how}", counts.join(" and "))
        }
    })
}

fn announced(announced: Announced) -> String {
    let parts: Vec<_> = [
        announced
            .timeout
            .map(|it| format!("timeout={}", it.as_secs())),
        announced.max.map(|it| format!("max={it}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return "nothing, even when asked".to_owned();
    }
    let asked = if announced.only_when_asked {
        " (only when asked)"
    } else {
        ""
    };
    format!("Keep-Alive: {}{asked}", parts.join(", "))
}

fn other_answers(measured: &Measured) -> Option<String> {
    let said: Vec<_> = measured
        .error_close
        .iter()
        .map(|(name, it)| format!("{name} {}", if it.closes { "closes" } else { "keeps" }))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}
