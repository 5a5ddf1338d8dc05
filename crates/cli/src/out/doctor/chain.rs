//! The first screen of a chain: a line for each hop and each link, then what is wrong and what to set.
//!
//! Owns the text: at most 24 lines. Refuses to judge.

use keepwarm_doctor::{ChainDiagnosis, Hop, Link, LinkCure, Order, Severity};

use super::{SCREEN, WIDTH, cut, facts, findings, painted, seconds};
use crate::out::style::{BAD, CURE, DIM, GOOD, Painted, STRONG, WHY, wrap};

/// The first screen, without its last line end.
pub(crate) fn text(hops: &[Hop], chain: &ChainDiagnosis) -> String {
    let count = hops.len();
    let title = Painted(STRONG, format!("A chain of {count} hops"));
    let mut lines = vec![format!("{title}  {}", painted(chain.verdict))];
    lines.extend(wrap(&chain.summary, WIDTH));
    lines.push(String::new());
    let url_width = hops.iter().map(|hop| hop.measured.url.chars().count());
    let url_width = url_width.max().unwrap_or(0).min(WIDTH / 2);
    for (place, hop) in hops.iter().enumerate() {
        lines.push(self::hop(place + 1, hop, url_width));
        lines.extend(chain.links.get(place).map(link));
    }
    let links = chain.links.iter().enumerate();
    let cures: Vec<_> = links.flat_map(|(place, link)| cured(place, link)).collect();
    if !cures.is_empty() {
        lines.push(String::new());
        lines.extend(cures);
    }
    let of_hops = of_hops(hops);
    if !of_hops.is_empty() {
        lines.push(String::new());
        lines.extend(of_hops);
    }
    let is_guess = |link: &Link| link.order == Order::Undecided || link.assumed;
    if chain.links.iter().any(is_guess) {
        lines.push(String::new());
        let hint = "What a hop does towards the next one cannot be seen from outside: say it with --upstream-idle.";
        lines.push(Painted(DIM, hint).to_string());
    }
    super::shortened(lines, SCREEN).join("\n")
}

fn hop(number: usize, hop: &Hop, url_width: usize) -> String {
    let url = cut(&hop.measured.url, url_width);
    let mut said = facts::idle(&hop.diagnosis.idle);
    if hop.measured.reuse == Some(false) {
        said = "keeps no connection".to_owned();
    }
    if let Some(product) = hop.diagnosis.products.first() {
        said.push_str(&format!(
            "; {} ({})",
            product.name,
            product.confidence.word()
        ));
    }
    let said = cut(&said, WIDTH.saturating_sub(url_width + 5));
    format!(
        "{number}  {}  {said}",
        Painted(STRONG, format!("{url:<url_width$}"))
    )
}

fn link(link: &Link) -> String {
    let (style, word) = match link.order {
        Order::Right => (GOOD, "right"),
        Order::Undecided => (WHY, "not decided"),
        Order::Wrong => (BAD, "wrong"),
    };
    let why = cut(&link.why, WIDTH - word.len() - 5);
    format!("↓  {}  {why}", Painted(style, word))
}

fn cured(place: usize, link: &Link) -> Vec<String> {
    if link.cures.is_empty() {
        return Vec::new();
    }
    let (severity, cause) = (Painted(BAD, "high"), Painted(STRONG, "chain-order-wrong"));
    let (from, to) = (place + 1, place + 2);
    let mut lines = vec![format!(
        "{severity} {cause}  {from} → {to}; either of these puts it right:"
    )];
    for cure in &link.cures {
        let number = if cure.at_least { to } else { from };
        let said = cut(&setting(number, cure), WIDTH - 2);
        lines.push(format!("  {}", Painted(CURE, said)));
    }
    lines
}

fn setting(number: usize, cure: &LinkCure) -> String {
    let time = seconds(cure.time);
    let wanted = match cure.at_least {
        true => format!("idle timeout of {time} or more"),
        false => format!("idle timeout towards the next hop of {time} or less"),
    };
    let setting = match (&cure.product, &cure.setting) {
        (Some(product), Some(setting)) => format!("; {product}: {setting}"),
        _ => String::new(),
    };
    format!("{number}: {wanted}{setting}")
}

/// What is wrong with the hops themselves, a line each.
fn of_hops(hops: &[Hop]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, hop) in hops.iter().enumerate() {
        let worth = hop.diagnosis.findings.iter();
        for finding in worth.filter(|it| it.severity > Severity::Info) {
            let number = place + 1;
            lines.push(format!(
                "{number}: {}",
                findings::in_a_line(finding, WIDTH - 3)
            ));
        }
    }
    lines
}
