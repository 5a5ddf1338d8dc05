//! `reqwest-peer`: reqwest, as it comes but for the environment's proxies and whom it trusts.

use std::process::ExitCode;

use bytes::Bytes;
use keepwarm_bench::{Outcome, Peer};
use reqwest::{Certificate, Client, Url};

#[derive(Clone)]
struct Reqwest(Client);

impl Peer for Reqwest {
    const NAME: &'static str = "reqwest";

    type Target = Url;

    /// It keeps every idle connection already.
    fn new(_connections: usize) -> Outcome<Self> {
        let mut builder = Client::builder().no_proxy();
        if let Some(certificate) = keepwarm_bench::authority()? {
            builder = builder.tls_certs_only([Certificate::from_pem(&certificate)?]);
        }
        Ok(Self(builder.build()?))
    }

    fn target(url: &str) -> Outcome<Url> {
        Ok(url.parse()?)
    }

    async fn fetch(self, target: &'static Url, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let response = self.0.get(target.clone()).send().await?;
            std::hint::black_box(response.bytes().await?);
        }
        Ok(())
    }

    async fn stream(self, target: &'static Url, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let mut response = self.0.get(target.clone()).send().await?;
            while let Some(piece) = response.chunk().await? {
                std::hint::black_box(piece);
            }
        }
        Ok(())
    }

    async fn send(self, target: &'static Url, body: Bytes, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let response = self
                .0
                .post(target.clone())
                .body(body.clone())
                .send()
                .await?;
            std::hint::black_box(response.bytes().await?);
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    keepwarm_bench::main::<Reqwest>()
}
