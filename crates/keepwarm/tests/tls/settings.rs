//! The settings of HTTPS: what they do, and what is refused when the client is built.

use std::path::PathBuf;
use std::sync::Arc;

use keepwarm::tls::{Tls, TlsVersion};
use keepwarm::{Client, ErrorKind};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use crate::authority::{Authority, Identity, self_signed};
use crate::server::{TlsServer, config};
use crate::support::{client, finish, run};

/// A file of this test, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let name = format!("keepwarm-tls-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).expect("a file");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// What building a client with these settings fails with.
#[track_caller]
fn build_error(tls: Tls) -> String {
    let built = Client::builder().tls(tls).build();
    let error = built.expect_err("it must be refused");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    error.to_string()
}

#[track_caller]
fn refuses(tls: Tls, words: &[&str]) {
    let text = build_error(tls);
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

#[test]
fn what_cannot_work_is_refused_when_the_client_is_built() {
    let authority = Authority::new();
    let identity = authority.issue(&["me"]);
    let pem = identity.certificate.pem();
    refuses(
        Tls::new().roots_file("/no/such/file"),
        &["/no/such/file", "read"],
    );
    refuses(
        Tls::new().roots("nothing of use"),
        &["root 1", "no certificate"],
    );
    let mixed = format!("{}{}", authority.pem(), junk_certificate());
    let file = Scratch::new("mixed.pem", mixed);
    refuses(
        Tls::new().roots(authority.pem()).roots_file(&file.0),
        &["mixed.pem", "certificate 2"],
    );
    refuses(
        Tls::new().client_certificate(&pem, "no key"),
        &["the client key", "no private key"],
    );
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    refuses(Tls::new().client_certificate(&pem, locked), &["encrypted"]);
    let other = KeyPair::generate().expect("a key").serialize_pem();
    refuses(
        Tls::new().client_certificate(&pem, other),
        &["the client certificate and the client key cannot be used together"],
    );
    let none: Tls = Tls::new().only_these_roots(true);
    refuses(none, &["only_these_roots"]);
    refuses(
        Tls::new().server_name("a b".to_owned()),
        &["server_name", "a b"],
    );
    let turned = Tls::new()
        .lowest_version(TlsVersion::V1_3)
        .highest_version(TlsVersion::V1_2);
    refuses(turned, &["lowest_version", "highest_version"]);
    let log = PathBuf::from("/no/such/folder/keys");
    refuses(
        Tls::new().key_log_file(log),
        &["key log", "/no/such/folder/keys"],
    );
}

/// Well-formed PEM around bytes that are no certificate.
fn junk_certificate() -> String {
    pem("CERTIFICATE", b"these are no certificate")
}

fn pem(label: &str, der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut lines = String::new();
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let mut bytes = [0; 4];
            bytes[1..=group.len()].copy_from_slice(group);
            let bits = u32::from_be_bytes(bytes);
            for place in 0..4 {
                let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
                let padding = place > group.len();
                lines.push(if padding { '=' } else { char::from(letter) });
            }
        }
        lines.push('\n');
    }
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

/// The key inside of a PKCS#8 wrapping: PKCS#1 of an RSA key, SEC1 of one on a curve.
fn unwrapped(pkcs8: &[u8]) -> &[u8] {
    fn item(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, header) = match der[1] {
            short if short < 0x80 => (usize::from(short), 2),
            long => {
                let count = usize::from(long & 0x7f);
                let length = der[2..2 + count]
                    .iter()
                    .fold(0, |length, &byte| length << 8 | usize::from(byte));
                (length, 2 + count)
            }
        };
        (&der[header..header + length], &der[header + length..])
    }
    let (sequence, _) = item(pkcs8);
    let (_version, rest) = item(sequence);
    let (_algorithm, rest) = item(rest);
    item(rest).0
}

/// A server that wants a client certificate of this authority, or takes one if there is one.
fn asking(
    identity: &Identity,
    authority: &Authority,
    required: bool,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.root()).expect("a root");
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = if required {
        verifier
    } else {
        verifier.allow_unauthenticated()
    };
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(identity.chain(), identity.key_der())
        .expect("a certificate")
}

#[test]
fn a_client_certificate_is_shown_with_a_key_of_any_kind() {
    run(async {
        let authority = Authority::new();
        let server = asking(
            &authority.issue(&["localhost"]),
            &authority,
            true,
            &[&version::TLS12, &version::TLS13],
        );
        let server = TlsServer::hello(server).await;
        let curve = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let curve = authority.issue_for(&["me"], curve, |_| {});
        let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
        let rsa = authority.issue_for(&["me"], rsa, |_| {});
        let (curve_der, rsa_der) = (curve.key.serialize_der(), rsa.key.serialize_der());
        let keys = [
            (&curve, curve.key.serialize_pem().into_bytes()),
            (&curve, curve_der.clone()),
            (
                &curve,
                pem("EC PRIVATE KEY", unwrapped(&curve_der)).into_bytes(),
            ),
            (&rsa, rsa.key.serialize_pem().into_bytes()),
            (
                &rsa,
                pem("RSA PRIVATE KEY", unwrapped(&rsa_der)).into_bytes(),
            ),
            (&rsa, unwrapped(&rsa_der).to_vec()),
        ];
        for (index, (identity, key)) in keys.into_iter().enumerate() {
            let certificate = identity.certificate.pem();
            let tls = authority.trusted().client_certificate(certificate, key);
            let (client, _) = client(|config| config.tls(tls));
            let call = client.get(server.url("/")).send().await;
            assert_eq!(finish(call.expect("an answer")).await.body, b"hello");
            assert!(server.seen()[index].client_certificate, "key {index}");
        }
        let certificate = Scratch::new("me.pem", curve.certificate.pem());
        let key = Scratch::new("me.key", curve.key.serialize_pem());
        let tls = authority
            .trusted()
            .client_certificate_file(&certificate.0, &key.0);
        let (client, _) = client(|config| config.tls(tls));
        client.get(server.url("/")).send().await.expect("an answer");
    });
}

#[test]
fn a_client_certificate_that_is_missing_or_refused_is_named_as_that() {
    run(async {
        let authority = Authority::new();
        let stranger = Authority::new().issue(&["me"]);
        for only in [&version::TLS12, &version::TLS13] {
            let server = asking(&authority.issue(&["localhost"]), &authority, true, &[only]);
            let server = TlsServer::hello(server).await;
            let missing = authority.trusted();
            let certificate = stranger.certificate.pem();
            let refused = authority
                .trusted()
                .client_certificate(certificate, stranger.key.serialize_pem());
            for tls in [missing, refused] {
                let (client, _) = client(|config| config.tls(tls));
                // In 1.3 the server says so only after our side of the handshake is over.
                let error = client.get(server.url("/")).send().await;
                let error = error.expect_err("no certificate it trusts");
                assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
                assert!(error.to_string().contains("client certificate"), "{error}");
            }
        }
    });
}

#[test]
fn a_client_certificate_that_is_not_asked_for_or_not_needed_is_no_matter() {
    run(async {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let versions = &[&version::TLS12, &version::TLS13];
        let optional = asking(&identity, &authority, false, versions);
        let optional = TlsServer::hello(optional).await;
        let (bare, _) = client(|config| config.tls(authority.trusted()));
        bare.get(optional.url("/")).send().await.expect("an answer");
        assert!(!optional.seen()[0].client_certificate);
        let unasked = TlsServer::hello(config(&identity)).await;
        let me = authority.issue(&["me"]);
        let tls = authority
            .trusted()
            .client_certificate(me.certificate.pem(), me.key.serialize_pem());
        let (client, _) = client(|config| config.tls(tls));
        client
            .get(unasked.url("/"))
            .send()
            .await
            .expect("an answer");
        assert!(!unasked.seen()[0].client_certificate);
    });
}

#[test]
fn invalid_certificates_are_accepted_only_when_that_is_asked_for_by_name() {
    run(async {
        let identity = self_signed(&["some.other.name"]);
        let server = TlsServer::hello(config(&identity)).await;
        let strict = Tls::new().roots(Authority::new().pem());
        let (careful, _) = client(|config| config.tls(strict.clone()));
        let refused = careful.get(server.url("/")).send().await;
        assert_eq!(refused.expect_err("not trusted").kind(), ErrorKind::Tls);
        let tls = strict.danger_accept_invalid_certificates(true);
        let (careless, _) = client(|config| config.tls(tls));
        for _ in 0..2 {
            let call = careless.get(server.url("/")).send().await;
            assert_eq!(finish(call.expect("an answer")).await.body, b"hello");
        }
    });
}

#[test]
fn a_root_is_taken_as_der_too() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let file = Scratch::new("root.der", authority.root());
        for tls in [
            Tls::new().roots(authority.root()),
            Tls::new().roots_file(&file.0),
        ] {
            let (client, _) = client(|config| config.tls(tls.only_these_roots(true)));
            client.get(server.url("/")).send().await.expect("an answer");
        }
    });
}

#[test]
fn the_server_name_is_sent_and_can_be_another() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["inner.example"]))).await;
        let tls = authority.trusted().server_name("inner.example".to_owned());
        let (client, _) = client(|config| config.tls(tls));
        let response = client.get(server.url("/")).send().await.expect("an answer");
        let name = &response.connection().tls().expect("https").server_name;
        assert_eq!(name, "inner.example");
        assert_eq!(
            server.seen()[0].server_name.as_deref(),
            Some("inner.example")
        );
    });
}

#[test]
fn versions_are_what_the_limits_say() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        for only in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let tls = authority
                .trusted()
                .lowest_version(only)
                .highest_version(only);
            let (client, _) = client(|config| config.tls(tls));
            let response = client.get(server.url("/")).send().await.expect("an answer");
            let tls = response.connection().tls().expect("https");
            assert_eq!(tls.version, only);
            assert!(tls.cipher.starts_with("TLS_"), "{}", tls.cipher);
        }
    });
}

#[test]
fn the_key_log_file_gets_a_line_per_secret_and_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let file = Scratch::new("keys", "");
        std::fs::remove_file(&file.0).expect("it was there");
        for _ in 0..2 {
            let tls = authority.trusted().key_log_file(file.0.clone());
            let (client, _) = client(|config| config.tls(tls));
            client.get(server.url("/")).send().await.expect("an answer");
        }
        let text = std::fs::read_to_string(&file.0).expect("a log");
        for line in text.lines() {
            let parts: Vec<&str> = line.split(' ').collect();
            assert_eq!((parts.len(), parts[1].len()), (3, 64), "{line}");
            assert!(parts[2].len() >= 64, "{line}");
        }
        let traffic = text.matches("CLIENT_TRAFFIC_SECRET_0 ").count();
        assert_eq!(traffic, 2, "appended, not written over: {text}");
        let mode = std::fs::metadata(&file.0)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}
