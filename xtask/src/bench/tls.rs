//! Every client over TLS: HTTP/1.1 on connections of its own, HTTP/2 on one that is shared.

use super::certificate::Certificate;
use super::options::Options;
use super::report::Report;
use super::tools::Tools;
use super::{counts, nginx, race, speed};
use crate::nginx::Listen;

pub(super) fn measure(options: &Options, tools: &Tools, report: &mut Report) -> Result<(), String> {
    let certificate = Certificate::make(tools)?;
    for http2 in [false, true] {
        let listen = Listen::Tls {
            certificate: certificate.both(),
            http2,
        };
        let nginx = nginx::start_with(tools, &listen)?;
        let loads = if http2 { speed::HTTP2 } else { speed::TLS };
        speed::all(loads, options, tools, report, &nginx, Some(&certificate))?;
        let names = if http2 { &counts::HTTP2 } else { &counts::TLS };
        counts::of(tools, report, &nginx, Some(&certificate), names)?;
    }
    race::idle(options, tools, report, Some(&certificate))
}
