//! Resolves names in a table of its own before it asks the system: for tests, for service discovery, or to send
//! a name to a new server without touching DNS.
//!
//! `cargo run -p keepwarm --example custom_resolver -- api.example 127.0.0.1:8080`
//!
//! (For a fixed address, `Config::resolve` is shorter.)

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use keepwarm::Client;
use keepwarm::dial::{BoxFuture, Resolver, SystemResolver};

/// Names that are known here; all others are the system's.
struct Table {
    known: HashMap<String, Vec<IpAddr>>,
    others: SystemResolver,
}

impl Resolver for Table {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        match self.known.get(host) {
            Some(addresses) => {
                let addresses = addresses
                    .iter()
                    .map(|address| SocketAddr::new(*address, port));
                Box::pin(std::future::ready(Ok(addresses.collect())))
            }
            None => self.others.resolve(host, port),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, address] = arguments.as_slice() else {
        return Err("usage: custom_resolver NAME ADDRESS:PORT".into());
    };
    let address: SocketAddr = address.parse()?;

    let known = HashMap::from([(name.to_ascii_lowercase(), vec![address.ip()])]);
    let client = Client::builder()
        .resolver(Table {
            known,
            others: SystemResolver,
        })
        .build()?;
    let url = format!("http://{name}:{}/", address.port());
    let response = client.get(url.as_str()).send().await?;
    println!(
        "{url} answered {} on {}",
        response.status(),
        response.connection()
    );
    response.bytes().await?;
    Ok(())
}
