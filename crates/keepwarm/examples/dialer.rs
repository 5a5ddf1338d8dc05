//! Wraps the dialer to log each new connection: one line per connection, none per request. When reuse works
//! there are fewer lines than calls.
//!
//! `cargo run -p keepwarm --example dialer -- http://127.0.0.1:8080/ 10`

use std::time::SystemTime;

use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::{Client, Origin};

/// Dials as the inner dialer does, and tells about it.
struct Logging<D>(D);

impl<D: Dialer> Dialer for Logging<D> {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async move {
            let dialed = self.0.dial(origin).await;
            let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            match &dialed {
                Ok(Dialed {
                    remote: Some(remote),
                    connected_in,
                    ..
                }) => {
                    println!(
                        "{:.3} connected to {remote} in {connected_in:?}",
                        time.as_secs_f64()
                    );
                }
                Ok(_) => println!("{:.3} connected to {origin}", time.as_secs_f64()),
                Err(error) => println!("{:.3} {error}", time.as_secs_f64()),
            }
            dialed
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(url) = arguments.next() else {
        return Err("usage: dialer URL [TIMES]".into());
    };
    let times: usize = arguments.next().map_or(Ok(10), |times| times.parse())?;

    let client = Client::builder()
        .dialer(Logging(TcpDialer::default()))
        .build()?;
    for _ in 0..times {
        client.get(url.as_str()).send().await?.bytes().await?;
    }
    println!("{times} calls");
    Ok(())
}
