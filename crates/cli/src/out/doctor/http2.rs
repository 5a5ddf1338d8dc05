//! What was learnt of HTTP/2, in one line.
//!
//! Owns the line. Refuses to judge.

use keepwarm_doctor::{Diagnosis, EndedBy, IdleTimeout, Measured};

use super::seconds;

/// None when HTTP/2 was not spoken.
pub(super) fn said(measured: &Measured, diagnosis: &Diagnosis) -> Option<String> {
    let (seen, judged) = (&measured.http2, &diagnosis.http2);
    if seen.broken.is_some() {
        return Some("chosen by ALPN, and then fails".to_owned());
    }
    if !seen.examined {
        return None;
    }
    let mut parts = vec![idle(&judged.idle)];
    parts.extend(requests(measured, diagnosis));
    parts.push(match seen.max_concurrent_streams {
        Some(most) => format!("{most} streams"),
        None => "no limit on streams".to_owned(),
    });
    parts.extend(judged.ping_counts.map(|counts| {
        let said = if counts {
            "PING counts"
        } else {
            "PING does not count"
        };
        said.to_owned()
    }));
    Some(parts.join("; "))
}

fn idle(idle: &IdleTimeout) -> String {
    match (idle.value, idle.at_least) {
        (Some(value), _) => {
            let by = idle.ended_by.map_or("", EndedBy::words);
            format!("{} idle, then {by}", seconds(value))
        }
        (None, _) if idle.uncertain => "idle time uncertain".to_owned(),
        (None, Some(open)) => format!("over {} idle", seconds(open)),
        (None, None) => "idle time not measured".to_owned(),
    }
}

fn requests(measured: &Measured, diagnosis: &Diagnosis) -> Option<String> {
    let known = measured.http2.max_requests.as_ref()?;
    Some(match diagnosis.http2.max_requests {
        Some(most) => format!("{most} requests"),
        None if known.counts.is_empty() => format!("over {} requests", known.at_least),
        None => {
            let counts: Vec<_> = known.counts.iter().map(u64::to_string).collect();
            format!("{} requests", counts.join(" and "))
        }
    })
}
