//! Proxies on the way, through the whole client: what is written to them, and that connections stay warm behind them.

use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Lab, scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::authority::Authority;
use crate::server::{TlsServer, config, head};
use crate::support::{client, finish, run};

/// A proxy that opens tunnels with CONNECT, and notes what it was asked for.
async fn tunnelling() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (note, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let note = note.clone();
            tokio::spawn(async move {
                let request = head(&mut socket).await.expect("a request");
                let target = request.split(' ').nth(1).expect("a target").to_owned();
                let _nobody_asks = note.send(request);
                let port = target.rsplit(':').next().expect("a port").to_owned();
                let Ok(mut origin) = TcpStream::connect(format!("127.0.0.1:{port}")).await else {
                    return;
                };
                let agreed = b"HTTP/1.1 200 Connection established\r\n\r\n";
                if socket.write_all(agreed).await.is_ok() {
                    // Either side may end it as it likes.
                    let _ended = copy_bidirectional(&mut socket, &mut origin).await;
                }
            });
        }
    });
    (format!("http://{address}"), asked)
}

#[test]
fn https_goes_through_one_tunnel_that_stays_warm() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::hello(config(&authority.issue(&["localhost"]))).await;
        let (url, mut asked) = tunnelling().await;
        let proxy = Proxy::new(&url).expect("a URL").credentials("me", "secret");
        let proxies = Proxies::all(proxy.expect("credentials"));
        let (client, _) = client(|config| config.tls(authority.trusted()).proxies(proxies));
        for round in 1..=20 {
            let call = client
                .get(server.url("/"))
                .header("x-own", "1")
                .send()
                .await;
            let done = finish(call.expect("an answer")).await;
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.requests, round);
            assert_eq!(done.connection.via(), Some(url.as_str()));
            assert!(done.connection.tls().is_some());
            assert!(!format!("{:?} {}", done.connection, done.connection).contains("secret"));
        }
        let connect = asked.recv().await.expect("a CONNECT");
        assert!(connect.starts_with("CONNECT localhost:"), "{connect}");
        // me:secret
        assert!(
            connect
                .to_ascii_lowercase()
                .contains("proxy-authorization: basic bwu6c2vjcmv0")
        );
        assert!(!connect.contains("x-own"));
        assert!(asked.try_recv().is_err(), "one tunnel is enough");
        for seen in server.seen() {
            assert!(!format!("{seen:?}").contains("roxy-"), "{seen:?}");
        }
    });
}

#[test]
fn http_is_written_to_the_proxy_in_absolute_form() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let url = lab.url("").trim_end_matches('/').to_owned();
        let proxy = Proxy::new(&url).expect("a URL").credentials("me", "secret");
        let proxies = Proxies::all(proxy.expect("credentials"));
        let (client, _) = client(|config| config.proxies(proxies));
        for round in 1..=3 {
            let call = client.get("http://origin.test/a?b=c").send().await;
            let done = finish(call.expect("an answer")).await;
            assert_eq!(done.connection.requests, round);
            assert_eq!(done.connection.via(), Some(url.as_str()));
        }
        let transcript = lab.transcript();
        for request in transcript.requests() {
            assert_eq!(request.target, "http://origin.test/a?b=c");
            assert_eq!(request.header("host"), Some("origin.test"));
            let authorization = request.header("proxy-authorization");
            assert_eq!(authorization, Some("Basic bWU6c2VjcmV0"));
        }
    });
}

/// Go 184 OnProxyConnectResponse: what a proxy answered to CONNECT can be seen.
/// Differs: the error of the call holds status, fields and the start of the body; there is no hook.
#[test]
fn a_refusal_tells_what_the_proxy_said() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a client");
            let mut request = [0; 1024];
            let _read = socket.read(&mut request).await;
            let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nnot today";
            let _written = socket.write_all(refusal).await;
        });
        let proxies = Proxies::all(Proxy::new(&format!("http://{address}")).expect("a URL"));
        let client = Client::builder()
            .proxies(proxies)
            .build()
            .expect("settings");
        let error = client.get("https://origin.test/").send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proxy, "{error:?}");
        assert!(error.to_string().contains("403"), "{error}");
        let source = std::error::Error::source(&error).expect("the proxy's answer");
        assert!(source.to_string().contains("not today"), "{source}");
    });
}
