//! Every way through a proxy: http and https, to the site and to the proxy, and SOCKS5; and proxies that are not there
//! or say nothing.

use std::sync::{Arc, Mutex};

use keepwarm::Config;
use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::reason::{Limit, Phase};
use keepwarm_lab::{Lab, scenario};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::server::{HELLO, TlsServer, config, head};
use crate::support::{client, finish, ms, run};

/// A proxy, and per connection what it was asked for.
struct Middle {
    url: String,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Middle {
    /// One that is spoken to in TLS, if it has a name that this authority signs.
    async fn start(secured: Option<&Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let acceptor = secured.map(|authority| {
            let config = config(&authority.issue(&["localhost"]));
            TlsAcceptor::from(Arc::new(config))
        });
        let all = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let index = all.lock().expect("no panic").len();
                all.lock().expect("no panic").push(Vec::new());
                let (acceptor, all) = (acceptor.clone(), Arc::clone(&all));
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            let stream = acceptor.accept(socket).await.expect("TLS to the proxy");
                            serve(stream, &all, index).await;
                        }
                        None => serve(socket, &all, index).await,
                    }
                });
            }
        });
        let scheme = if secured.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{port}");
        Self { url, asked }
    }

    fn proxies(&self) -> Proxies {
        Proxies::all(Proxy::new(&self.url).expect("a URL"))
    }

    /// The first lines of the requests, by connection.
    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// Tunnels CONNECT, and answers all else itself.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    asked: &Mutex<Vec<Vec<String>>>,
    index: usize,
) {
    while let Ok(request) = head(&mut stream).await {
        let Some(line) = request.lines().next() else {
            return;
        };
        asked.lock().expect("no panic")[index].push(line.to_owned());
        let Some(target) = line.strip_prefix("CONNECT ") else {
            stream.write_all(HELLO.as_bytes()).await.expect("room");
            stream.flush().await.expect("room");
            continue;
        };
        let port = target.split([':', ' ']).nth(1).expect("a port");
        let site = TcpStream::connect(format!("127.0.0.1:{port}")).await;
        let agreed = b"HTTP/1.1 200 Connection established\r\n\r\n";
        stream.write_all(agreed).await.expect("room");
        stream.flush().await.expect("room");
        // Either side may end it as it likes.
        let _ended = copy_bidirectional(&mut stream, &mut site.expect("the site")).await;
        return;
    }
}

/// Go 177 TransportProxy: http and https, site and proxy: absolute form or CONNECT, and then the request.
/// Same as Go.
#[test]
fn c177_http_and_https_to_the_site_and_to_the_proxy() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let port = server.address.port();
        for secured in [None, Some(&authority)] {
            let middle = Middle::start(secured).await;
            let set = |config: Config| config.tls(authority.trusted()).proxies(middle.proxies());
            let (client, _) = client(set);
            for url in ["http://site.test/x".to_owned(), server.url("/x")] {
                for round in 1..=2 {
                    let done = finish(client.get(&url).send().await.expect("an answer")).await;
                    assert_eq!(done.body, b"hello");
                    assert_eq!(done.connection.requests, round, "{url} via {}", middle.url);
                    assert_eq!(done.connection.via(), Some(middle.url.as_str()));
                    let encrypted = done.connection.tls().is_some();
                    assert_eq!(encrypted, url.starts_with("https"), "to the site");
                }
            }
            let forwarded = "GET http://site.test/x HTTP/1.1".to_owned();
            let tunnelled = format!("CONNECT localhost:{port} HTTP/1.1");
            let wanted = vec![vec![forwarded.clone(), forwarded], vec![tunnelled]];
            assert_eq!(middle.asked(), wanted);
        }
    });
}

/// Go 29 CacheKeys: which calls share a connection behind a proxy.
/// Differs: each origin has connections of its own, behind a proxy that forwards too.
#[test]
fn c029_each_origin_has_connections_of_its_own_behind_a_proxy() {
    run(async {
        let middle = Middle::start(None).await;
        let (client, _) = client(|config| config.proxies(middle.proxies()));
        for _ in 0..2 {
            for url in ["http://one.test/", "http://two.test/"] {
                drop(finish(client.get(url).send().await.expect("an answer")).await);
            }
        }
        let to = |host: &str| vec![format!("GET http://{host}/ HTTP/1.1"); 2];
        assert_eq!(middle.asked(), [to("one.test"), to("two.test")]);
        assert_eq!(client.stats().total().opened, 2);
    });
}

/// A SOCKS5 proxy without logins. Gives its URL, and the host and port of each request.
async fn socks() -> (String, Arc<Mutex<Vec<(String, u16)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let all = Arc::clone(&all);
            tokio::spawn(async move {
                let mut hello = [0; 3];
                socket.read_exact(&mut hello).await.expect("a greeting");
                assert_eq!(hello, [5, 1, 0]);
                socket.write_all(&[5, 0]).await.expect("room");
                let mut ask = [0; 5];
                socket.read_exact(&mut ask).await.expect("a request");
                assert_eq!(ask[..4], [5, 1, 0, 3], "CONNECT, by name");
                let mut name = vec![0; ask[4].into()];
                socket.read_exact(&mut name).await.expect("a name");
                let port = socket.read_u16().await.expect("a port");
                let name = String::from_utf8(name).expect("text");
                all.lock().expect("no panic").push((name, port));
                let mut site = TcpStream::connect(("127.0.0.1", port)).await.expect("it");
                let agreed = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
                socket.write_all(&agreed).await.expect("room");
                // Either side may end it as it likes.
                let _ended = copy_bidirectional(&mut socket, &mut site).await;
            });
        }
    });
    (format!("socks5h://{address}"), asked)
}

/// Go 178 SOCKS5Proxy: the handshake, the right target, and data both ways, plain and in TLS.
/// Same as Go.
#[test]
fn c178_socks5_carries_plain_and_encrypted_calls() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let lab = Lab::start(scenario::well_behaved()).await;
        let plain = lab.url("/").replace("127.0.0.1", "localhost");
        let (url, asked) = socks().await;
        let proxies = Proxies::all(Proxy::new(&url).expect("a URL"));
        let (client, _) = client(|config| config.tls(authority.trusted()).proxies(proxies));
        for round in 1..=2 {
            for (url, body) in [(&plain, "hello, world\n"), (&server.url("/"), "hello")] {
                let done = finish(client.get(url).send().await.expect("an answer")).await;
                assert_eq!(String::from_utf8_lossy(&done.body), body);
                assert_eq!(done.connection.requests, round);
            }
        }
        let ports: Vec<u16> = [&plain, &server.url("/")]
            .map(|url| url.parse::<http::Uri>().expect("a URI"))
            .map(|uri| uri.port_u16().expect("a port"))
            .into();
        let wanted = ports.into_iter().map(|port| ("localhost".to_owned(), port));
        assert_eq!(*asked.lock().expect("no panic"), wanted.collect::<Vec<_>>());
    });
}

/// Go 186 TransportProxyHTTPSConnectLeak: a CONNECT that nobody answers ends in time, and its connection is closed.
/// Same as Go.
/// X9: the handshake with a proxy has a limit that can be set, for CONNECT and for SOCKS5.
#[test]
fn x9_a_proxy_that_says_nothing_is_given_up_in_time_and_hung_up_on() {
    run(async {
        for scheme in ["http", "socks5h"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let hears = tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.expect("a client");
                let mut heard = Vec::new();
                socket.read_to_end(&mut heard).await.expect("an end");
                heard
            });
            let proxies =
                Proxies::all(Proxy::new(&format!("{scheme}://{address}")).expect("a URL"));
            let (client, _) =
                client(|config| config.proxies(proxies).proxy_handshake_timeout(ms(100)));
            let error = client.get("https://site.test/").send().await;
            let error = error.expect_err("nobody answers");
            assert_eq!(error.limit(), Some(Limit::ProxyHandshake), "{error:?}");
            assert!(error.is_timeout() && error.is_safe_to_retry());
            assert!(!hears.await.expect("no panic").is_empty(), "it was asked");
        }
    });
}

/// Go 187 TransportDialPreservesNetOpProxyError: a proxy that cannot be reached is named, with the cause.
/// Same as Go.
#[test]
fn c187_a_proxy_that_cannot_be_reached_is_named_with_the_cause() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        for url in ["http://site.test/", "https://site.test/"] {
            let proxies = Proxies::all(Proxy::new(&format!("http://{address}")).expect("a URL"));
            let (client, _) = client(|config| config.proxies(proxies));
            let error = client.get(url).send().await.expect_err("nobody listens");
            assert_eq!(error.phase(), Phase::Connect);
            assert!(error.is_connect() && error.is_safe_to_retry());
            let said = error.to_string();
            let begins = format!("the proxy http://{address} cannot be reached: ");
            assert!(said.starts_with(&begins), "{said}");
            assert!(said.contains("refused"), "{said}");
        }
    });
}
