//! The settings that fit, in a sentence.
//!
//! Owns the sentence. Refuses to choose.

use keepwarm_doctor::Diagnosis;

use super::{WIDTH, seconds};
use crate::out::style::{CURE, Painted, wrap};

pub(super) fn recommendation(diagnosis: &Diagnosis) -> Vec<String> {
    let recommended = &diagnosis.recommendation;
    let mut settings = Vec::new();
    let more = match recommended.may_be_longer {
        true => " (seen to be safe; more may be)",
        false => "",
    };
    let idle = recommended.idle_timeout;
    settings.extend(idle.map(|it| format!("idle_timeout {}{more}", seconds(it))));
    settings.extend(
        recommended
            .max_idle_per_host
            .map(|it| format!("max_idle_per_host {it}")),
    );
    settings.extend(recommended.retries.map(|it| format!("retry policy {it}")));
    let keepalive = recommended.tcp_keepalive;
    settings.extend(keepalive.map(|it| format!("tcp_keepalive {}", seconds(it))));
    if recommended.http_version == Some("h2") {
        settings.push("HTTP/2".to_owned());
    }
    if settings.is_empty() {
        return Vec::new();
    }
    let said = format!("keepwarm settings that fit: {}", settings.join(", "));
    let mut lines = vec![String::new()];
    let said = wrap(&said, WIDTH).into_iter();
    lines.extend(said.map(|line| Painted(CURE, line).to_string()));
    lines
}
