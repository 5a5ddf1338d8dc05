//! `hyper-util-peer`: the pooled client of hyper-util, as it comes.

use std::process::ExitCode;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use keepwarm_bench::{Outcome, Peer};

#[derive(Clone)]
struct HyperUtil(Client<HttpConnector, Full<Bytes>>);

impl Peer for HyperUtil {
    const NAME: &'static str = "hyper-util";

    type Target = Uri;

    /// It keeps every idle connection already.
    fn new(_connections: usize) -> Outcome<Self> {
        Ok(Self(Client::builder(TokioExecutor::new()).build_http()))
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
    keepwarm_bench::main::<HyperUtil>()
}
