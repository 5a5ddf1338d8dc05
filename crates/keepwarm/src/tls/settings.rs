//! `Tls`: the settings of HTTPS.
//!
//! Owns what a caller may choose. Refuses to let a type of the TLS library be seen.

use std::fmt;
use std::path::{Path, PathBuf};

use rustls::pki_types::ServerName;

use super::TlsVersion;
use super::handshake::Handshaker;
use super::material::Material;
use crate::error::{Error, Result};

/// Sessions kept for resumption unless told otherwise.
const SESSIONS: usize = 256;

/// How `https` origins are spoken to; given to [`Config::tls`](crate::Config::tls).
///
/// Everything is read and checked when the client is built: a file that is missing, an entry that is no certificate
/// and a key that does not belong to its certificate are errors of [`Config::build`](crate::Config::build), which
/// name what is wrong. By default certificates are verified as the platform does, versions 1.2 and 1.3 are spoken,
/// and sessions are resumed.
///
/// ```no_run
/// use keepwarm::tls::Tls;
///
/// # async fn example() -> keepwarm::Result<()> {
/// let tls = Tls::new()
///     .roots_file("company-root.pem")
///     .client_certificate_file("me.pem", "me.key");
/// let client = keepwarm::Client::builder().tls(tls).build()?;
/// let response = client.get("https://internal.example/").send().await?;
/// let tls = response.connection().tls().expect("https");
/// println!("{} with {}, resumed: {}", tls.version, tls.cipher, tls.resumed);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tls {
    pub(super) roots: Vec<Material>,
    pub(super) only_these_roots: bool,
    pub(super) identity: Option<(Material, Material)>,
    pub(super) accept_invalid: bool,
    pub(super) lowest: TlsVersion,
    pub(super) highest: TlsVersion,
    pub(super) server_name: Option<String>,
    pub(super) sessions: usize,
    pub(super) key_log: Option<PathBuf>,
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl Tls {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            only_these_roots: false,
            identity: None,
            accept_invalid: false,
            lowest: TlsVersion::V1_2,
            highest: TlsVersion::V1_3,
            server_name: None,
            sessions: SESSIONS,
            key_log: None,
        }
    }

    /// Trusts the certificates in these bytes as well: one or more as PEM, or one as DER. May be given several times.
    #[must_use]
    pub fn roots(mut self, certificates: impl AsRef<[u8]>) -> Self {
        let name = format!("root {}", self.roots.len() + 1);
        let material = Material::bytes(&name, certificates.as_ref());
        self.roots.push(material);
        self
    }

    /// As [`Tls::roots`], from a file. It is read now.
    #[must_use]
    pub fn roots_file(mut self, path: impl AsRef<Path>) -> Self {
        self.roots.push(Material::file(path.as_ref()));
        self
    }

    /// Trusts no roots but the ones given with [`Tls::roots`] and [`Tls::roots_file`]. Default false: those of the
    /// platform too.
    #[must_use]
    pub fn only_these_roots(mut self, only: bool) -> Self {
        self.only_these_roots = only;
        self
    }

    /// Shows this certificate to servers that ask for one. The certificate comes first and then what leads from it
    /// to an authority, as PEM; the key is PKCS#8, PKCS#1 or SEC1. Default none.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Self {
        let certificates = Material::bytes("the client certificate", certificates.as_ref());
        let key = Material::bytes("the client key", key.as_ref());
        self.identity = Some((certificates, key));
        self
    }

    /// As [`Tls::client_certificate`], from files. They are read now.
    #[must_use]
    pub fn client_certificate_file(
        mut self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Self {
        let certificates = Material::file(certificates.as_ref());
        self.identity = Some((certificates, Material::file(key.as_ref())));
        self
    }

    /// **Dangerous**: accepts every certificate, so that anybody on the way can read and change everything. For
    /// tests against servers of one's own. Default false.
    #[must_use]
    pub fn danger_accept_invalid_certificates(mut self, accept: bool) -> Self {
        self.accept_invalid = accept;
        self
    }

    /// The lowest version spoken. Default TLS 1.2.
    #[must_use]
    pub fn lowest_version(mut self, version: TlsVersion) -> Self {
        self.lowest = version;
        self
    }

    /// The highest version spoken. Default TLS 1.3.
    #[must_use]
    pub fn highest_version(mut self, version: TlsVersion) -> Self {
        self.highest = version;
        self
    }

    /// Asks every server for this name (SNI, RFC 6066 §3) and holds its certificate against it, whatever the URL's
    /// host says. Default none: the URL's host. An IP address is verified but, as the RFC has it, not sent.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<Option<String>>) -> Self {
        self.server_name = name.into();
        self
    }

    /// How many sessions are kept to be resumed, over all origins. Default 256; 0: every handshake is a full one.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Appends the secrets of every connection to this file, for Wireshark and its like: who has it reads
    /// everything. Default none; the environment (`SSLKEYLOGFILE`) never switches it on.
    #[must_use]
    pub fn key_log_file(mut self, path: impl Into<Option<PathBuf>>) -> Self {
        self.key_log = path.into();
        self
    }

    /// Whether a connection's certificate has proved the name it was opened for. Otherwise it says nothing of others.
    pub(crate) fn proves_names(&self) -> bool {
        !self.accept_invalid && self.server_name.is_none()
    }

    /// Refuses what cannot work. The platform's own roots are read with the first `https` call.
    pub(crate) fn check(&self) -> Result<()> {
        if self.lowest > self.highest {
            return Err(Error::usage(format!(
                "lowest_version {} is above highest_version {}",
                self.lowest, self.highest
            )));
        }
        if self.only_these_roots && self.roots.is_empty() && !self.accept_invalid {
            return Err(Error::usage(
                "only_these_roots without a root: no server could be trusted",
            ));
        }
        if let Some(name) = &self.server_name
            && ServerName::try_from(name.as_str()).is_err()
        {
            return Err(Error::usage(format!(
                "server_name {name:?} is neither a host name nor an IP address"
            )));
        }
        if self.is_all_ours() {
            return Ok(());
        }
        Handshaker::check(self).map_err(Error::usage)
    }

    /// Nothing of the caller's has to be read, so nothing can be wrong with it: a client that speaks no `https` need
    /// not wake the cryptography.
    fn is_all_ours(&self) -> bool {
        self.roots.is_empty() && self.identity.is_none() && self.key_log.is_none()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.len())
            .field("only_these_roots", &self.only_these_roots)
            .field(
                "client_certificate",
                &self
                    .identity
                    .as_ref()
                    .map(|(certificate, _)| certificate.name()),
            )
            .field("accept_invalid", &self.accept_invalid)
            .field("lowest", &self.lowest)
            .field("highest", &self.highest)
            .field("server_name", &self.server_name)
            .field("sessions", &self.sessions)
            .field("key_log", &self.key_log)
            .finish()
    }
}
