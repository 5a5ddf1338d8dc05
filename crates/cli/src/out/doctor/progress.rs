//! How far an examination is, in one line.
//!
//! Owns the line, and which servers' defaults are excluded by now. Refuses to know where it is written.

use std::time::Duration;

use keepwarm_doctor::Progress;
use keepwarm_doctor::defaults::{self, Kind};

use super::{WIDTH, cut, seconds};

/// How far it is.
pub(crate) fn line(progress: &Progress) -> String {
    let left = progress.limit.saturating_sub(progress.elapsed).as_secs();
    let mut line = format!("at most {left} s left");
    match progress.reuse {
        Some(true) => line.push_str(" · reuse: yes"),
        Some(false) => line.push_str(" · reuse: no"),
        None => {}
    }
    if let Some(requests) = progress.ended_after {
        line.push_str(&format!(" · {requests} requests"));
    }
    if let Some((after, by)) = progress.ended.first() {
        let (count, after) = (progress.ended.len(), seconds(*after));
        line.push_str(&format!(
            " · {count} ended, the first after {after} with {}",
            by.words()
        ));
    }
    if let Some(open) = progress.open_for {
        let whole = Duration::from_secs(open.as_secs());
        line.push_str(&format!(" · open for {}", seconds(whole)));
        let excluded = excluded(open);
        if !excluded.is_empty() && progress.ended.is_empty() {
            line.push_str(&format!(": no default of {}", excluded.join(", ")));
        }
    }
    cut(&line, WIDTH)
}

/// How far the hops of a chain are.
pub(crate) fn chain(hops: &[Progress]) -> String {
    let left = hops.iter().map(|it| it.limit.saturating_sub(it.elapsed));
    let left = left.max().unwrap_or_default().as_secs();
    let mut line = format!("at most {left} s left");
    for (place, hop) in hops.iter().enumerate() {
        let number = place + 1;
        if let Some((after, _)) = hop.ended.first() {
            line.push_str(&format!(" · {number} ended after {}", seconds(*after)));
        } else if let Some(open) = hop.open_for {
            let whole = Duration::from_secs(open.as_secs());
            line.push_str(&format!(" · {number} open for {}", seconds(whole)));
        }
    }
    cut(&line, WIDTH)
}

/// Servers whose default would have ended a connection by now, the longest default first.
fn excluded(open: Duration) -> Vec<&'static str> {
    let open = open.as_secs_f64() - 1.5;
    let mut found: Vec<_> = defaults::all()
        .iter()
        .filter(|entry| entry.kind == Kind::Server)
        .filter_map(|entry| {
            Some((
                entry.seconds.filter(|seconds| *seconds < open)?,
                entry.product.as_str(),
            ))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, name)| name).take(3).collect()
}

#[cfg(test)]
mod tests {
    use keepwarm_doctor::EndedBy;

    use super::*;

    fn progress() -> Progress {
        Progress {
            elapsed: Duration::from_secs(13),
            limit: Duration::from_secs(79),
            reuse: None,
            ended_after: None,
            waiting: 8,
            open_for: None,
            ended: Vec::new(),
        }
    }

    #[test]
    fn the_line_tells_what_is_known_so_far() {
        assert_eq!(line(&progress()), "at most 66 s left");
        let later = Progress {
            reuse: Some(true),
            ended_after: Some(100),
            open_for: Some(Duration::from_millis(12_700)),
            ..progress()
        };
        let said = line(&later);
        assert!(
            said.starts_with("at most 66 s left · reuse: yes · 100 requests · open for 12 s"),
            "{said}"
        );
        assert!(said.contains(": no default of "), "{said}");
        let ended = Progress {
            ended: vec![(Duration::from_secs(5), EndedBy::Fin)],
            ..progress()
        };
        assert_eq!(
            line(&ended),
            "at most 66 s left · 1 ended, the first after 5 s with FIN"
        );
    }
}
