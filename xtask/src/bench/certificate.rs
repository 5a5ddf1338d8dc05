//! The certificate that the servers of a measurement show, and every client is told to trust.
//!
//! Owns its making, by openssl, and its files. Refuses to be used for anything else: its key lies beside it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tools::Tools;

/// Names the file for the peers.
const VARIABLE: &str = "KEEPWARM_BENCH_CA";
/// No authority of its own: who shows it is who is trusted.
const REQUEST: &str = "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = server\n\
[name]\nCN = localhost\n\
[server]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1, DNS:localhost\n";

pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    both: PathBuf,
}

impl Certificate {
    /// Makes one for an hour's measurements: ECDSA on P-256, as most servers have now.
    ///
    /// # Errors
    /// When openssl does not make it.
    pub(super) fn make(tools: &Tools) -> Result<Self, String> {
        let file = |name: &str| tools.folder().join(name);
        let made = Self {
            certificate: file("certificate.pem"),
            key: file("key.pem"),
            both: file("certificate-and-key.pem"),
        };
        let broken = |error: std::io::Error| format!("{}: {error}", tools.folder().display());
        let request = file("certificate.conf");
        fs::write(&request, REQUEST).map_err(broken)?;
        let output = Command::new(tools.openssl()?)
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-config"])
            .arg(&request)
            .arg("-out")
            .arg(&made.certificate)
            .arg("-keyout")
            .arg(&made.key)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("openssl: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("openssl makes no certificate: {}", said.trim()));
        }
        let mut text = fs::read(&made.certificate).map_err(broken)?;
        text.extend(fs::read(&made.key).map_err(broken)?);
        fs::write(&made.both, text).map_err(broken)?;
        Ok(made)
    }

    /// One file with both, for nginx.
    pub(super) fn both(&self) -> &Path {
        &self.both
    }

    /// The words behind `bench-server barrier N`.
    pub(super) fn words(&self) -> [String; 2] {
        [&self.certificate, &self.key].map(|file| file.display().to_string())
    }

    /// What a client finds in its environment.
    pub(super) fn variable(&self) -> (&'static OsStr, &OsStr) {
        (OsStr::new(VARIABLE), self.certificate.as_os_str())
    }
}
