//! `Page`: what is said about a cause, read from its page in `docs/causes/`.
//!
//! Owns the reading of the pages' structure, so that the page and the report never say different things. Refuses to
//! hold text of its own.

use crate::cause::Cause;
use crate::report::Cure;

/// The parts of a page that a finding shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is, in one sentence.
    pub sentence: String,
    /// How it comes about, as Markdown.
    pub mechanism: String,
    /// How to see it without keepwarm, as Markdown.
    pub check: String,
    /// What to do, keepwarm first.
    pub cures: Vec<Cure>,
}

/// The page of a cause, as it stands in `docs/causes/`.
#[must_use]
pub fn text(cause: Cause) -> &'static str {
    macro_rules! page {
        ($slug:literal) => {
            include_str!(concat!("../../../docs/causes/", $slug, ".md"))
        };
    }
    match cause {
        Cause::AddressRotation => page!("address-rotation"),
        Cause::BackendsDiffer => page!("backends-differ"),
        Cause::ClientBodyHeld => page!("client-body-held"),
        Cause::ClientBodyNotDrained => page!("client-body-not-drained"),
        Cause::ClientCancels => page!("client-cancels"),
        Cause::ClientIdleCapTooSmall => page!("client-idle-cap-too-small"),
        Cause::ClientIdleTimeoutShort => page!("client-idle-timeout-short"),
        Cause::ClientKeepAliveOff => page!("client-keep-alive-off"),
        Cause::ClientMaxConnsTooSmall => page!("client-max-conns-too-small"),
        Cause::ClientMaxLifetime => page!("client-max-lifetime"),
        Cause::ClientPerRequest => page!("client-per-request"),
        Cause::ClientRuntimes => page!("client-runtimes"),
        Cause::ClientSaysClose => page!("client-says-close"),
        Cause::ClientTimeout => page!("client-timeout"),
        Cause::ConnectFails => page!("connect-fails"),
        Cause::ErrorStatusClose => page!("error-status-close"),
        Cause::ExpectationRefused => page!("expectation-refused"),
        Cause::Http10Only => page!("http10-only"),
        Cause::IdleTimeoutOver120s => page!("idle-timeout-over-120s"),
        Cause::KeepAliveDisabled => page!("keep-alive-disabled"),
        Cause::OpenedUnused => page!("opened-unused"),
        Cause::ProxyBreaksKeepAlive => page!("proxy-breaks-keep-alive"),
        Cause::RequestBodyRefused => page!("request-body-refused"),
        Cause::ResponseWithoutLength => page!("response-without-length"),
        Cause::ServerBrokeProtocol => page!("server-broke-protocol"),
        Cause::ServerGoAway => page!("server-go-away"),
        Cause::ServerIdleTimeout => page!("server-idle-timeout"),
        Cause::ServerMaxAge => page!("server-max-age"),
        Cause::ServerMaxRequests => page!("server-max-requests"),
        Cause::ServerResetsIdle => page!("server-resets-idle"),
        Cause::ServerRestart => page!("server-restart"),
        Cause::ServerSaysClose => page!("server-says-close"),
        Cause::StaleReuseRace => page!("stale-reuse-race"),
        Cause::StrayBytes => page!("stray-bytes"),
        Cause::TlsNotResumed => page!("tls-not-resumed"),
        Cause::WriteAvoidsRace => page!("write-avoids-race"),
    }
}

/// What a finding shows of a cause's page.
#[must_use]
pub fn page(cause: Cause) -> Page {
    let text = text(cause);
    let head = section(text, "# ", None);
    let mut paragraphs = head.split("\n\n").map(one_line).filter(|it| !it.is_empty());
    Page {
        sentence: paragraphs.next().unwrap_or_default(),
        mechanism: paragraphs.collect::<Vec<_>>().join("\n\n"),
        check: section(text, "## ", Some("Check it yourself"))
            .trim()
            .to_owned(),
        cures: cures(section(text, "## ", Some("Cure"))),
    }
}

/// What stands below a heading of this level, up to the next one of its level or above; below the first when none is
/// named.
fn section<'a>(text: &'a str, level: &str, name: Option<&str>) -> &'a str {
    let is_wanted = |line: &str| {
        let title = line.strip_prefix(level);
        title.is_some_and(|title| name.is_none_or(|name| title.trim() == name))
    };
    let mut offset = 0;
    let mut from = None;
    let mut in_code = false;
    for line in text.split_inclusive('\n') {
        in_code ^= line.starts_with("```");
        let is_heading = !in_code && (line.starts_with("# ") || line.starts_with("## "));
        if let Some(from) = from.filter(|_| is_heading) {
            return &text[from..offset];
        }
        offset += line.len();
        if from.is_none() && !in_code && is_wanted(line.trim_end()) {
            from = Some(offset);
        }
    }
    from.map_or("", |from| &text[from..])
}

/// The parts below `### Product`: a sentence, and the snippet behind it.
fn cures(text: &str) -> Vec<Cure> {
    let mut cures: Vec<Cure> = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            in_code = !in_code;
            if let Some(cure) = cures
                .last_mut()
                .filter(|cure| in_code && cure.language.is_empty())
            {
                fence.trim().clone_into(&mut cure.language);
            }
        } else if let Some(product) = line.strip_prefix("### ").filter(|_| !in_code) {
            cures.push(Cure {
                product: product.trim().to_owned(),
                text: String::new(),
                snippet: String::new(),
                language: String::new(),
            });
        } else if let Some(cure) = cures.last_mut() {
            if in_code {
                cure.snippet.push_str(line);
                cure.snippet.push('\n');
            } else if !line.trim().is_empty() {
                if !cure.text.is_empty() {
                    cure.text.push(' ');
                }
                cure.text.push_str(line.trim());
            }
        }
    }
    cures
}

fn one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
