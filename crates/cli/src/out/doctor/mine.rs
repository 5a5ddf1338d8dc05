//! What to change on the server's side, behind the first screen.
//!
//! Owns how it looks. Refuses to know products.

use keepwarm_doctor::{Diagnosis, ServerSide};

use super::WIDTH;
use crate::out::style::{CURE, DIM, Painted, STRONG, wrap};

/// A block with an empty line before it, and the name of the server where there are several.
pub(crate) fn text(diagnosis: &Diagnosis, server: Option<&str>) -> String {
    let changes = diagnosis.server_side();
    let title = match server {
        Some(server) => format!("In the server of {server}"),
        None => "On the server's side".to_owned(),
    };
    let mut lines = vec![String::new(), Painted(STRONG, title).to_string()];
    if changes.is_empty() {
        lines.push("  Nothing was found that would have to change there.".to_owned());
    }
    lines.extend(changes.iter().flat_map(change));
    format!("\n{}", lines.join("\n"))
}

fn change(change: &ServerSide) -> Vec<String> {
    let cause = Painted(STRONG, change.cause.slug());
    let wanted = change.wanted.as_deref().unwrap_or_default();
    let mut lines = vec![format!("  {cause}  {wanted}").trim_end().to_owned()];
    for (product, confidence, setting) in &change.settings {
        let product = Painted(DIM, format!("{product} ({}):", confidence.word()));
        lines.push(format!("    {product} {}", Painted(CURE, setting)));
    }
    if change.settings.is_empty() {
        let cure = wrap(change.cure, WIDTH - 4).into_iter();
        lines.extend(cure.map(|line| format!("    {}", Painted(CURE, line))));
    }
    lines
}
