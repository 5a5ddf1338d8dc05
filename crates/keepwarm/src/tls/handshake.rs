//! `Handshaker`: from a plain stream to an encrypted one.
//!
//! Owns the session library's configuration, made once per client, and the steps of a handshake. Refuses to know
//! time (its caller limits it), names' addresses and what will be spoken: the protocols to offer are handed in.

use std::future::poll_fn;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientSessionMemoryCache, Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
};

use super::certificate::Certificate;
use super::failure::Cause;
use super::key_log::KeyLogFile;
use super::stream::TlsStream;
use super::{Tls, TlsInfo, TlsVersion, verify};
use crate::conn::Stream;
use crate::error::{Error, ErrorKind};
use keepwarm_core::reason::Phase;

/// `http/1.1` (RFC 7301 §6).
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";

/// Makes handshakes; one per client, for it holds the sessions to resume.
pub(crate) struct Handshaker {
    config: Arc<ClientConfig>,
    server_name: Option<String>,
}

/// What a handshake is to bring.
pub(crate) struct Asked<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The protocols to offer (ALPN), the preferred one first.
    pub(crate) protocols: &'a [&'a [u8]],
    /// Whether the server's certificate will be asked for other names.
    pub(crate) keeps_certificate: bool,
}

/// What a handshake brought.
pub(crate) struct Agreed {
    pub(crate) stream: Stream,
    pub(crate) info: TlsInfo,
    /// None unless it was asked for.
    pub(crate) certificate: Option<Certificate>,
}

impl Handshaker {
    /// Whether [`Handshaker::new`] can work, but for the platform's own roots.
    pub(super) fn check(tls: &Tls) -> Result<(), String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        drop(roots(tls)?);
        configure(tls, &provider, verify::nothing(Arc::clone(&provider))).map(drop)
    }

    /// Reads the platform's roots, when they are wanted.
    pub(crate) fn new(tls: &Tls) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(tls, &provider)?;
        Ok(Self {
            config: Arc::new(configure(tls, &provider, verifier)?),
            server_name: tls.server_name.clone(),
        })
    }

    /// Encrypts a stream.
    pub(crate) async fn shake_hands(
        &self,
        stream: Stream,
        asked: &Asked<'_>,
    ) -> Result<Agreed, Error> {
        let (host, port) = (asked.host, asked.port);
        let name = self.server_name.as_deref().unwrap_or(host);
        let bare = name.trim_matches(['[', ']']);
        let failed = |cause: Cause, opening: &[u8]| {
            let message = format!("TLS with {host}:{port} failed: {}", cause.sentence(opening));
            Error::new(ErrorKind::Tls, Phase::Tls, message).with_source(cause.source())
        };
        // An IPv6 zone is no part of what a certificate can say.
        let told = bare.split_once('%').map_or(bare, |(address, _)| address);
        let server_name = ServerName::try_from(told.to_owned()).map_err(|error| {
            let message = format!("TLS with {host}:{port} failed: {error}");
            Error::new(ErrorKind::Tls, Phase::Tls, message)
        })?;
        let protocols = asked.protocols.iter().map(|name| name.to_vec()).collect();
        let config = Arc::clone(&self.config);
        let session = UnbufferedClientConnection::new_with_alpn(config, server_name, protocols)
            .map_err(|error| failed(error.into(), &[]))?;
        let mut stream = TlsStream::new(session, stream);
        let mut opening = Vec::new();
        if let Err(cause) = steps(&mut stream, &mut opening).await {
            return Err(failed(cause, &opening));
        }
        let info = info(stream.session(), told);
        let keeps = asked.keeps_certificate;
        let certificate = keeps.then(|| Certificate::of(stream.session())).flatten();
        Ok(Agreed {
            stream: Stream::layered(stream),
            info,
            certificate,
        })
    }
}

async fn steps(stream: &mut TlsStream, opening: &mut Vec<u8>) -> Result<(), Cause> {
    while !poll_fn(|cx| stream.poll_say(cx)).await? {
        poll_fn(|cx| stream.poll_hear(cx, opening)).await?;
    }
    Ok(())
}

fn info(session: &UnbufferedClientConnection, server_name: &str) -> TlsInfo {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        // Of another crate; nothing below 1.2 is configured. // non_exhaustive
        Some(_) | None => TlsVersion::V1_2,
    };
    let cipher = session
        .negotiated_cipher_suite()
        .map_or_else(String::new, |suite| format!("{:?}", suite.suite()));
    // The library writes the suites of 1.3 unlike their register.
    let cipher = cipher.replacen("TLS13_", "TLS_", 1);
    let mut info = TlsInfo::new(version, cipher, server_name);
    info.alpn = session
        .alpn_protocol()
        .map(|name| String::from_utf8_lossy(name).into_owned());
    info.resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    info
}

fn roots(tls: &Tls) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for material in &tls.roots {
        material.each_certificate(|root| store.add(root).map_err(|error| error.to_string()))?;
    }
    Ok(store)
}

fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let provider = Arc::clone(provider);
    if tls.accept_invalid {
        return Ok(verify::nothing(provider));
    }
    if tls.only_these_roots {
        return verify::only(roots(tls)?, provider);
    }
    let mut extra = Vec::new();
    for material in &tls.roots {
        extra.extend(material.certificates()?);
    }
    verify::platform(extra, provider)
}

fn configure(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, String> {
    let versions: &[&'static SupportedProtocolVersion] = match (tls.lowest, tls.highest) {
        (TlsVersion::V1_2, TlsVersion::V1_2) => &[&TLS12],
        (TlsVersion::V1_2, TlsVersion::V1_3) => &[&TLS12, &TLS13],
        (TlsVersion::V1_3, _) => &[&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some((certificates, key)) => {
            let chain = certificates.certificates()?;
            builder
                .with_client_auth_cert(chain, key.private_key()?)
                .map_err(|error| {
                    let (certificate, key) = (certificates.name(), key.name());
                    format!("{certificate} and {key} cannot be used together: {error}")
                })?
        }
    };
    config.resumption = match tls.sessions {
        0 => Resumption::disabled(),
        sessions => Resumption::store(Arc::new(ClientSessionMemoryCache::new(sessions))),
    };
    if let Some(path) = &tls.key_log {
        config.key_log = Arc::new(KeyLogFile::open(path)?);
    }
    Ok(config)
}
