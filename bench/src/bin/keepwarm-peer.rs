//! `keepwarm-peer`: the public `Client`, put beside other clients.
//!
//! Owns three measurements: requests (`URL CONCURRENCY REQUESTS`), memory of idle connections (`idle URL N`) and
//! the keep-alive race (`race URL GET|POST GAP_MS SECONDS`). Refuses to tune anything but the idle limits.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::{Method, Uri};
use keepwarm::Client;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::{SysconfVar, sysconf};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: keepwarm-peer URL CONCURRENCY REQUESTS
       keepwarm-peer idle URL CONNECTIONS
       keepwarm-peer race URL GET|POST GAP_MS SECONDS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a current-thread runtime can always be built");
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime, async {
        match arguments[..] {
            ["idle", url, count] => idle(url.parse()?, count.parse()?).await,
            ["race", url, method, gap, seconds] => {
                let gap = Duration::from_millis(gap.parse()?);
                let seconds = Duration::from_secs(seconds.parse()?);
                race(url.parse()?, method.parse()?, gap, seconds).await
            }
            [url, concurrency, requests] => {
                load(url.parse()?, concurrency.parse()?, requests.parse()?).await
            }
            _ => Err(USAGE.into()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn client(idle: usize) -> Outcome<Client> {
    Ok(Client::builder()
        .max_idle(idle)
        .max_idle_per_host(idle)
        .build()?)
}

async fn load(url: Uri, concurrency: usize, requests: usize) -> Outcome<()> {
    let client = client(concurrency)?;
    let each = requests / concurrency;
    run(&client, &url, concurrency, 20).await?;
    let (user, system) = cpu_micros()?;
    let began = Instant::now();
    run(&client, &url, concurrency, each).await?;
    let wall = began.elapsed().as_secs_f64();
    let (user_end, system_end) = cpu_micros()?;
    let count = (each * concurrency) as f64;
    let user = (user_end - user) / count;
    let system = (system_end - system) / count;
    println!(
        "keepwarm n={count:.0} wall={wall:.2}s rps={:.0} user_us/req={user:.2} sys_us/req={system:.2} cpu_us/req={:.2}",
        count / wall,
        user + system
    );
    Ok(())
}

async fn run(client: &Client, url: &Uri, concurrency: usize, each: usize) -> Outcome<()> {
    // The lanes share one URI for the life of the program.
    let url: &'static Uri = Box::leak(Box::new(url.clone()));
    let lanes: Vec<_> = (0..concurrency)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut left = each;
                while left > 0 {
                    left -= 1;
                    let response = client.get(url.clone()).send().await?;
                    std::hint::black_box(response.bytes().await?);
                }
                Ok::<(), keepwarm::Error>(())
            })
        })
        .collect();
    for lane in lanes {
        lane.await??;
    }
    Ok(())
}

async fn idle(url: Uri, count: usize) -> Outcome<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let (resident, sockets) = (resident_bytes()?, open_sockets()?);
    let client = client(count)?;
    run(&client, &url, count, 1).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let opened = open_sockets()? - sockets;
    let each = resident_bytes()?.saturating_sub(resident) / opened.max(1);
    println!("keepwarm conns={opened} bytes/conn={each}");
    Ok(())
}

async fn race(url: Uri, method: Method, gap: Duration, duration: Duration) -> Outcome<()> {
    const LANES: u64 = 64;
    let client = client(64)?;
    let end = Instant::now() + duration;
    let (good, bad) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (client, url, method) = (client.clone(), url.clone(), method.clone());
            let (good, bad) = (Rc::clone(&good), Rc::clone(&bad));
            tokio::task::spawn_local(async move {
                let mut random = lane * 7919;
                while Instant::now() < end {
                    let counter = match exchange(&client, &url, &method).await {
                        Ok(()) => &good,
                        Err(_) => &bad,
                    };
                    counter.set(counter.get() + 1);
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let jitter = Duration::from_micros((random >> 33) % 2000);
                    tokio::time::sleep(gap - Duration::from_millis(1) + jitter).await;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await?;
    }
    println!("keepwarm {method} ok={} err={}", good.get(), bad.get());
    Ok(())
}

async fn exchange(client: &Client, url: &Uri, method: &Method) -> keepwarm::Result<()> {
    let mut request = client.request(method.clone(), url.clone());
    if *method == Method::POST {
        request = request.body("x");
    }
    request.send().await?.bytes().await.map(drop)
}

/// User and system time of this process in microseconds.
fn cpu_micros() -> Outcome<(f64, f64)> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |time: TimeVal| time.num_microseconds() as f64;
    Ok((micros(usage.user_time()), micros(usage.system_time())))
}

fn resident_bytes() -> Outcome<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).unwrap_or("0").parse()?;
    let page_size = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
    Ok(pages * usize::try_from(page_size)?)
}

fn open_sockets() -> Outcome<usize> {
    let sockets = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket"))
        .count();
    Ok(sockets)
}
