//! What the page says where scripts do not run.
//!
//! Owns the sums and findings as plain HTML. Refuses to draw: the numbers and the cures are enough to act on.

use std::fmt::Write as _;

use super::escape::html as escape;
use crate::figures::{duration, grouped};
use crate::report::{Finding, Origin, Report};

pub(super) fn html(report: &Report) -> String {
    let mut text = String::from(
        "<p>The picture itself needs JavaScript. The page asks the network for nothing. In numbers:</p>\n\
         <table><thead><tr><th>origin<th>requests<th>opened<th>necessary<th>avoidable<th>reuse\
         <th>server's idle timeout</tr></thead><tbody>\n",
    );
    for origin in &report.origins {
        row(&mut text, origin);
    }
    text.push_str("</tbody></table>\n");
    if !report.findings.is_empty() {
        text.push_str("<ol>\n");
        for finding in &report.findings {
            item(&mut text, finding);
        }
        text.push_str("</ol>\n");
    }
    text
}

fn row(text: &mut String, origin: &Origin) {
    let reuse = origin
        .reuse_ratio
        .map_or_else(|| "–".to_owned(), |ratio| format!("{:.0} %", ratio * 100.0));
    let timeout = origin
        .idle_timeout
        .map_or_else(|| "–".to_owned(), |timeout| duration(timeout.us));
    let cells = [
        escape(&origin.name),
        grouped(origin.exchanges),
        grouped(origin.opened),
        grouped(origin.necessary),
        grouped(origin.avoidable),
        reuse,
        timeout,
    ];
    let _ = writeln!(text, "<tr><td>{}</tr>", cells.join("<td>"));
}

fn item(text: &mut String, finding: &Finding) {
    let _ = write!(
        text,
        "<li><b>{}</b> ({}): {}<ul>",
        finding.cause,
        finding.severity.slug(),
        escape(&finding.summary)
    );
    for cure in &finding.cures {
        let _ = write!(
            text,
            "<li>{}: {} <code>{}</code>",
            escape(&cure.product),
            escape(&cure.text),
            escape(&cure.snippet)
        );
    }
    text.push_str("</ul>\n");
}
