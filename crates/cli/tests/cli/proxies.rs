//! `--proxy` and `--noproxy`: a proxy on the way is used, told, and never with its password.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use keepwarm_lab::{Lab, scenario};
use keepwarm_servers::recipes::nginx;
use serde_json::json;

use crate::support::{Done, keepwarm};

/// me:secret
const AUTHORIZATION: &str = "proxy-authorization: basic bwu6c2vjcmv0";

/// A proxy that opens tunnels, and forwards plain requests as they are, for those who know the password.
fn proxy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client));
        }
    });
    port
}

fn serve(mut client: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line);
    }
    let is_known = |line: &String| line.to_ascii_lowercase().trim() == AUTHORIZATION;
    if !head.iter().any(is_known) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        return client.write_all(refusal).ok();
    }
    let target = head.first()?.split(' ').nth(1)?.to_owned();
    let authority = match target.strip_prefix("http://") {
        Some(rest) => rest.split('/').next()?.to_owned(),
        None => target,
    };
    let mut server = TcpStream::connect(authority).ok()?;
    if head[0].starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Opened\r\n\r\n").ok()?;
    } else {
        server.write_all((head.concat() + "\r\n").as_bytes()).ok()?;
    }
    let (mut from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
    let back = thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut reader, &mut server).ok()?;
    server.shutdown(std::net::Shutdown::Write).ok()?;
    back.join().ok()?.ok()?;
    Some(())
}

fn get(options: &[&str], url: &str) -> Done {
    let done = keepwarm(&[&["get"], options, &[url]].concat());
    for output in [&done.stdout, &done.stderr] {
        assert!(!output.contains("secret"), "{done:#?}");
    }
    done
}

#[test]
fn an_https_origin_is_reached_through_a_tunnel_and_via_tells() {
    let nginx = nginx::start_secure("");
    let port = proxy();
    let (with, shown) = (
        format!("http://me:secret@127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let options = ["-k", "--json", "--repeat", "5", "--proxy", &with];
    let (exchanges, summary) = get(&options, &nginx.secure_url("/")).with_code(0).json();
    for exchange in &exchanges {
        assert_eq!(exchange["connection"]["via"], json!(shown));
        assert_eq!(exchange["protocol"], "h2");
        assert_eq!(exchange["connection"]["tls"]["alpn"], "h2");
    }
    assert_eq!(summary["opened"], 1);
    let verbose = get(&["-k", "-v", "--proxy", &with], &nginx.secure_url("/")).with_code(0);
    verbose.complains(&format!("* Through the proxy {shown}\n* TLS 1.3"));
    let text = get(
        &["-k", "--repeat", "2", "--proxy", &with],
        &nginx.secure_url("/"),
    )
    .with_code(0);
    text.says(&format!("via {shown}"));
    let direct = ["-k", "--json", "--proxy", &with, "--noproxy", "127.0.0.1"];
    let (exchanges, _) = get(&direct, &nginx.secure_url("/")).with_code(0).json();
    assert_eq!(exchanges[0]["connection"]["via"], json!(null));
}

#[test]
fn a_plain_request_is_shown_as_the_proxy_gets_it() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let with = format!("http://me:secret@127.0.0.1:{}", proxy());
    let url = lab.url("/x");
    let done = get(&["-v", "--proxy", &with], &url).with_code(0);
    done.says("hello, world");
    done.complains(&format!("> GET {url} HTTP/1.1"));
    let (at_via, at_request) = (done.stderr.find("* Through"), done.stderr.find("> GET"));
    assert!(at_via.is_some() && at_via < at_request, "{done:#?}");
}

#[test]
fn a_proxy_that_refuses_is_told() {
    let nginx = nginx::start_secure("");
    let with = format!("http://me:secretly@127.0.0.1:{}", proxy());
    let done = get(&["-k", "--json", "--proxy", &with], &nginx.secure_url("/"));
    let (exchanges, _) = done.json();
    assert_eq!(exchanges[0]["error"]["kind"], "proxy", "{done:#?}");
    let message = exchanges[0]["error"]["message"].as_str().expect("text");
    assert!(message.contains("407"), "{message}");
}
