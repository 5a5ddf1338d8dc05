//! `TlsArgs`: the options of HTTPS.
//!
//! Owns their names and the way to a `Tls`. Refuses to read certificates: the library does, when the client is built.

use std::path::PathBuf;

use clap::Args;
use keepwarm::tls::{Tls, TlsVersion};

const TLS: &str = "TLS";

#[derive(Args, Clone, Debug)]
pub(crate) struct TlsArgs {
    /// Trust the authorities in this file (PEM or DER) in place of the system's; may be given several times
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    cacert: Vec<PathBuf>,
    /// Show the client certificate in this file (PEM), with its chain
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    cert: Option<PathBuf>,
    /// The key of the client certificate (PEM) [default: in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = TLS)]
    key: Option<PathBuf>,
    /// Accept every certificate: anybody on the way can then read and change everything
    #[arg(short = 'k', long, conflicts_with = "cacert", help_heading = TLS)]
    insecure: bool,
    /// The lowest version spoken: 1.2 or 1.3 [default: 1.2]
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = TLS)]
    tls_min: Option<TlsVersion>,
    /// The highest version spoken: 1.2 or 1.3 [default: 1.3]
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = TLS)]
    tls_max: Option<TlsVersion>,
    /// Append the secrets of each connection to this file, for Wireshark and its like
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    keylog: Option<PathBuf>,
}

impl TlsArgs {
    /// The settings that these options mean.
    pub(crate) fn settings(&self) -> Result<Tls, String> {
        let lowest = self.tls_min.unwrap_or(TlsVersion::V1_2);
        let highest = self.tls_max.unwrap_or(TlsVersion::V1_3);
        if lowest > highest {
            let (lowest, highest) = (lowest.number(), highest.number());
            return Err(format!(
                "--tls-min {lowest} is above --tls-max {highest}: no version is left"
            ));
        }
        let mut tls = Tls::new()
            .lowest_version(lowest)
            .highest_version(highest)
            .danger_accept_invalid_certificates(self.insecure)
            .only_these_roots(!self.cacert.is_empty())
            .key_log_file(self.keylog.clone());
        for file in &self.cacert {
            tls = tls.roots_file(file);
        }
        if let Some(certificate) = &self.cert {
            let key = self.key.as_ref().unwrap_or(certificate);
            tls = tls.client_certificate_file(certificate, key);
        }
        Ok(tls)
    }
}

fn version(text: &str) -> Result<TlsVersion, String> {
    let all = [TlsVersion::V1_2, TlsVersion::V1_3];
    all.into_iter()
        .find(|version| version.number() == text)
        .ok_or_else(|| "write 1.2 or 1.3; older versions are not spoken".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number() {
        assert_eq!(version("1.2"), Ok(TlsVersion::V1_2));
        assert_eq!(version("1.3"), Ok(TlsVersion::V1_3));
        for wrong in ["1.1", "1", "TLSv1.3", ""] {
            assert!(version(wrong).is_err_and(|mistake| mistake.contains("1.3")));
        }
    }
}
