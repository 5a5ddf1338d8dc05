//! Calls a URL again and again and tells why its connections could not serve again, and what to do about it.
//!
//! `cargo run -p keepwarm --example why_not_reused -- http://127.0.0.1:8080/ 5 1500`: five calls, 1500 ms apart.

use std::time::Duration;

use keepwarm::Client;
use keepwarm::reason::text::cure;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(url) = arguments.next() else {
        return Err("usage: why_not_reused URL [TIMES [GAP_MS]]".into());
    };
    let times: usize = arguments.next().map_or(Ok(5), |times| times.parse())?;
    let gap: u64 = arguments.next().map_or(Ok(0), |gap| gap.parse())?;

    let client = Client::new();
    for number in 1..=times {
        let mut response = client.get(url.as_str()).send().await?;
        match response.connection().miss {
            Some(miss) => println!("{number}: a new connection, because {miss}"),
            None => println!("{number}: no new connection"),
        }
        while response.chunk().await?.is_some() {}
        // The verdict is there once the body has ended.
        if let Some(verdict) = response.reuse() {
            println!("    may it serve again? {verdict}");
        }
        tokio::time::sleep(Duration::from_millis(gap)).await;
    }

    let stats = client.stats();
    println!(
        "{:.0} % of the requests found a warm connection",
        stats.total().reuse_ratio() * 100.0
    );
    for end in stats.closed() {
        println!("{} × {} ({})", end.count, end.reason, end.reason.slug());
        if let Some(cure) = cure(&end.reason) {
            println!("    {cure}");
        }
    }
    for origin in stats.origins() {
        if let Some(learned) = &origin.idle_timeout {
            let source = learned.source.slug();
            println!(
                "{} keeps idle connections for {:?} ({source})",
                origin.origin, learned.timeout
            );
        }
    }
    for advice in client.advice() {
        println!("advice: {advice}");
    }
    Ok(())
}
