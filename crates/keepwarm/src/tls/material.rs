//! Certificates and keys as they are given: files or bytes, PEM or DER.
//!
//! Owns the parsing, once, with errors that name the source and the entry. Refuses to judge what is in a certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Bytes somebody gave, and what to call them in an error.
#[derive(Clone)]
pub(super) struct Material {
    name: Arc<str>,
    bytes: Result<Arc<[u8]>, Arc<str>>,
}

impl Material {
    /// Read now: what the file holds later does not matter. An error is told when the client is built.
    pub(super) fn file(path: &Path) -> Self {
        Self {
            name: path.display().to_string().into(),
            bytes: std::fs::read(path)
                .map(Arc::from)
                .map_err(|error| error.to_string().into()),
        }
    }

    pub(super) fn bytes(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.into(),
            bytes: Ok(bytes.into()),
        }
    }

    fn read(&self) -> Result<&[u8], String> {
        match &self.bytes {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(format!("{} cannot be read: {error}", self.name)),
        }
    }

    /// The certificates in it: one or more as PEM, or one as DER.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let bytes = self.read()?;
        if !is_pem(bytes) {
            return Ok(vec![CertificateDer::from(bytes.to_vec())]);
        }
        let mut found = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(bytes) {
            let entry = found.len() + 1;
            found.push(certificate.map_err(|error| {
                format!("{}: certificate {entry} is malformed: {error}", self.name)
            })?);
        }
        if found.is_empty() {
            return Err(format!("{} holds no certificate", self.name));
        }
        Ok(found)
    }

    /// Hands each certificate to `check`, whose error is told with its place.
    pub(super) fn each_certificate(
        &self,
        mut check: impl FnMut(CertificateDer<'static>) -> Result<(), String>,
    ) -> Result<(), String> {
        let found = self.certificates()?;
        let many = found.len() > 1;
        for (index, certificate) in found.into_iter().enumerate() {
            check(certificate).map_err(|error| {
                let entry = if many {
                    format!("certificate {}", index + 1)
                } else {
                    "the certificate".to_owned()
                };
                format!("{}: {entry} cannot be used: {error}", self.name)
            })?;
        }
        Ok(())
    }

    /// The first private key in it: PKCS#8, PKCS#1 or SEC1, as PEM, or any of them as DER.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        let bytes = self.read()?;
        if !is_pem(bytes) {
            return PrivateKeyDer::try_from(bytes.to_vec())
                .map_err(|error| format!("{} holds no private key: {error}", self.name));
        }
        PrivateKeyDer::from_pem_slice(bytes).map_err(|error| {
            if bytes
                .windows(ENCRYPTED.len())
                .any(|window| window == ENCRYPTED)
            {
                format!(
                    "{}: the private key is encrypted; decrypt it first",
                    self.name
                )
            } else {
                format!(
                    "{} holds no private key (PKCS#8, PKCS#1 or SEC1 as PEM): {error}",
                    self.name
                )
            }
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// DER begins with the tag of a sequence.
fn is_pem(bytes: &[u8]) -> bool {
    bytes.first() != Some(&0x30)
}
