//! Verifying the server's certificate.
//!
//! Owns the choice of verifier (the platform's, roots of the caller's own, none) and tells apart what the library
//! lumps together. Refuses to decide what is trusted beyond that.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

/// The certificate was signed with its own key and nobody vouches for it.
#[derive(Debug)]
pub(super) struct SelfSigned;

/// The certificate is an authority's (`CA:TRUE`), shown by a server as its own.
#[derive(Debug)]
pub(super) struct IsAuthority;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("self-signed")
    }
}

impl fmt::Display for IsAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate of an authority")
    }
}

impl std::error::Error for SelfSigned {}
impl std::error::Error for IsAuthority {}

/// The platform's verifier, with these roots beside its own.
pub(super) fn platform(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let inner = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)
        .map_err(|error| format!("the platform's certificates cannot be used: {error}"))?;
    Ok(Arc::new(Telling {
        inner: Arc::new(inner),
    }))
}

/// Nothing is trusted but these roots.
pub(super) fn only(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(Telling { inner }))
}

/// Everything is accepted.
pub(super) fn nothing(provider: Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Blind { provider })
}

/// Says more about a refusal than the verifier within.
#[derive(Debug)]
struct Telling {
    inner: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let inner = &self.inner;
        inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| tell_apart(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn tell_apart(error: rustls::Error, end_entity: &CertificateDer<'_>) -> rustls::Error {
    let rustls::Error::InvalidCertificate(why) = &error else {
        return error;
    };
    let authority = is_authority(why);
    let namesake = is_of_a_namesake(why);
    if !authority && !namesake && !matches!(why, CertificateError::UnknownIssuer) {
        return error;
    }
    let Ok(certificate) = webpki::EndEntityCert::try_from(end_entity) else {
        return error;
    };
    let other: Arc<dyn std::error::Error + Send + Sync> = if authority {
        Arc::new(IsAuthority)
    } else if certificate.issuer() == certificate.subject() {
        Arc::new(SelfSigned)
    } else if namesake {
        return CertificateError::UnknownIssuer.into();
    } else {
        return error;
    };
    CertificateError::Other(OtherError(other)).into()
}

/// Whether a root of the issuer's name is trusted, but has a key of another kind: so it is another issuer, and which
/// root has the name says nothing of the certificate. Many a machine has two that are called `localhost`.
fn is_of_a_namesake(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
    )
}

fn is_authority(why: &CertificateError) -> bool {
    let CertificateError::Other(other) = why else {
        return false;
    };
    matches!(
        other.0.downcast_ref(),
        Some(webpki::Error::CaUsedAsEndEntity)
    )
}

/// Accepts every certificate; what is signed with its key is still checked, for that is no trust but a proof.
#[derive(Debug)]
struct Blind {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
