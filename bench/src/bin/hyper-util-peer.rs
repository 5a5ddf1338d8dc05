//! `hyper-util-peer`: the pooled client of hyper-util, as it comes; with hyper-rustls where a server speaks TLS.

use std::process::ExitCode;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use keepwarm_bench::{Outcome, Peer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The client over a kind of connector: plain HTTP does not pay for what TLS needs.
#[derive(Clone)]
struct HyperUtil<C>(Client<C, Full<Bytes>>);

/// What makes a connector.
trait Connector: Connect + Clone + Send + Sync + 'static {
    fn make() -> Outcome<Self>;
}

impl Connector for HttpConnector {
    fn make() -> Outcome<Self> {
        Ok(Self::new())
    }
}

impl Connector for HttpsConnector<HttpConnector> {
    fn make() -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in
            CertificateDer::pem_slice_iter(&keepwarm_bench::authority()?.unwrap_or_default())
        {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config);
        Ok(connector.https_only().enable_all_versions().build())
    }
}

impl<C: Connector> Peer for HyperUtil<C> {
    const NAME: &'static str = "hyper-util";

    type Target = Uri;

    /// It keeps every idle connection already.
    fn new(_connections: usize) -> Outcome<Self> {
        Ok(Self(
            Client::builder(TokioExecutor::new()).build(C::make()?),
        ))
    }

    fn target(url: &str) -> Outcome<Uri> {
        Ok(url.parse()?)
    }

    async fn fetch(self, target: &'static Uri, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let response = self.0.get(target.clone()).await?;
            std::hint::black_box(response.into_body().collect().await?.to_bytes());
        }
        Ok(())
    }

    async fn stream(self, target: &'static Uri, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let mut body = self.0.get(target.clone()).await?.into_body();
            while let Some(frame) = body.frame().await {
                std::hint::black_box(frame?);
            }
        }
        Ok(())
    }

    async fn send(self, target: &'static Uri, body: Bytes, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = target.clone();
            let response = self.0.request(request).await?;
            std::hint::black_box(response.into_body().collect().await?.to_bytes());
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|word| word.starts_with("https:")) {
        keepwarm_bench::main::<HyperUtil<HttpsConnector<HttpConnector>>>()
    } else {
        keepwarm_bench::main::<HyperUtil<HttpConnector>>()
    }
}
