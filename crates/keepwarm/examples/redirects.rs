//! Follows redirects, decodes what comes, and tells which connection carried each hop.
//!
//! `cargo run -p keepwarm --example redirects --features gzip,brotli -- http://127.0.0.1:8080/old`

use std::time::Duration;

use keepwarm::{Client, Redirects};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(url) = std::env::args().nth(1) else {
        return Err("usage: redirects URL".into());
    };
    // The time is for all hops and the body together.
    let client = Client::builder()
        .redirects(Redirects::up_to(10))
        .total_timeout(Duration::from_secs(30))
        .build()?;
    let request = client.get(url).query(&[("from", "example")]);
    // It is an error to ask for compression when no codec is built in.
    let has_codec = cfg!(any(
        feature = "brotli",
        feature = "deflate",
        feature = "gzip",
        feature = "zstd"
    ));
    let response = request.decompress(has_codec).send().await?;
    for hop in response.hops() {
        // Such as: 301 http://127.0.0.1:8080/old on #1 new (there was none for this origin), h1, 127.0.0.1:8080
        println!("{} {} on {}", hop.status.as_u16(), hop.url, hop.connection);
    }
    println!("{} on {}", response.status(), response.connection());
    if let Some(why) = response.not_followed() {
        println!("    not followed: {why}");
    }
    let coding = response.decoded_from().unwrap_or("nothing");
    let body = response.bytes().await?;
    println!("    {} bytes, decoded from {coding}", body.len());
    Ok(())
}
