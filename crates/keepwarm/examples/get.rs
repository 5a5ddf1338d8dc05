//! Calls a URL a few times and tells for each answer which connection carried it.
//!
//! `cargo run -p keepwarm --example get -- http://127.0.0.1:8080/ 5`

use keepwarm::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(url) = arguments.next() else {
        return Err("usage: get URL [TIMES]".into());
    };
    let times: usize = arguments.next().map_or(Ok(3), |times| times.parse())?;

    let client = Client::new();
    for _ in 0..times {
        let response = client.get(url.as_str()).send().await?;
        // Such as: 200 on #1 reused (2nd request, idle 1 ms), h1, 127.0.0.1:8080
        println!("{} on {}", response.status(), response.connection());
        // Read to its end: only then is the connection free for the next call.
        let body = response.bytes().await?;
        println!("    {} bytes", body.len());
    }

    let stats = client.stats();
    let total = stats.total();
    println!(
        "{} requests, {} connections opened",
        total.requests, total.opened
    );
    Ok(())
}
