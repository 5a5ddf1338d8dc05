//! Apache httpd as Debian ships it: with TLS and `mod_http2`, and as a proxy.

use std::path::Path;
use std::process::Command;

use keepwarm::proxy::{Proxies, Proxy};
use keepwarm::{ErrorKind, Protocol};
use keepwarm_lab::{Lab, scenario};
use rustix::process::Signal;

use crate::crowds::run_long;
use crate::peer::{Both, Streams};
use crate::proven;
use crate::real::{Program, installed, write};
use crate::support::{client, finish, run};

/// One process with these modules and lines.
fn prepare(folder: &Path, port: u16, modules: &[&str], lines: &str) -> Command {
    let at = folder.display();
    let loads: String = ["mpm_event", "authz_core"]
        .iter()
        .chain(modules)
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let config = format!(
        "ServerRoot {at}\nServerName localhost\nPidFile {at}/httpd.pid\nErrorLog {at}/said\n\
         DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\n{loads}User www-data\nGroup www-data\n\
         DocumentRoot {at}/site\n<Directory {at}/site>\nRequire all granted\n</Directory>\n\
         KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 30\n{lines}\n"
    );
    std::fs::create_dir_all(folder.join("site")).expect("a folder");
    write(folder, "site/index.html", "from httpd");
    let mut command = installed(Path::new("/usr/sbin/apache2"));
    command.arg("-X").arg("-f");
    command.arg(write(folder, "httpd.conf", &config));
    command
}

#[test]
fn httpd_serves_a_thousand_calls_on_one_connection_and_resumes() {
    run_long(async {
        let secured = |folder: &Path, port| {
            let at = folder.display();
            let lines = format!(
                "Protocols h2 http/1.1\nSSLEngine on\nSSLCertificateFile {at}/certificate.pem\n\
                 SSLCertificateKeyFile {at}/key.pem\nSSLSessionCache shmcb:{at}/sessions(512000)\n"
            );
            prepare(folder, port, &["socache_shmcb", "ssl", "http2"], &lines)
        };
        let httpd = Program::start("httpd", Signal::KILL, &secured).await;
        proven::serves_and_resumes(&httpd, "from httpd").await;
    });
}

async fn proxying(allowed: u16) -> Program {
    let lines = format!(
        "ProxyRequests On\nAllowCONNECT {allowed}\n<Proxy \"*\">\nRequire all granted\n</Proxy>\n"
    );
    let modules = ["proxy", "proxy_connect", "proxy_http"];
    Program::start("httpd-proxy", Signal::KILL, &|folder, port| {
        prepare(folder, port, &modules, &lines)
    })
    .await
}

#[test]
fn httpd_tunnels_with_connect_and_forwards() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let lab = Lab::start(scenario::well_behaved()).await;
        let httpd = proxying(both.server.address.port()).await;
        let url = format!("http://127.0.0.1:{}", httpd.port());
        let proxies = Proxies::all(Proxy::new(&url).expect("a URL"));
        let (client, _) = client(|config| config.tls(both.authority.trusted()).proxies(proxies));
        for round in 1..=50 {
            let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.protocol(), Protocol::H2);
            let plain = finish(client.get(lab.url("/")).send().await.expect("an answer")).await;
            assert_eq!(plain.body, b"hello, world\n");
            for connection in [done.connection, plain.connection] {
                assert_eq!(connection.via(), Some(url.as_str()));
                assert_eq!(connection.requests, round, "{:?}", client.stats());
            }
        }
        assert_eq!((both.handshakes(), client.stats().total().opened), (1, 2));
    });
}

#[test]
fn httpd_that_forbids_a_port_is_told_as_that() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let httpd = proxying(1).await;
        let url = format!("http://127.0.0.1:{}", httpd.port());
        let proxies = Proxies::all(Proxy::new(&url).expect("a URL"));
        let (client, _) = client(|config| config.tls(both.authority.trusted()).proxies(proxies));
        let error = client.get(both.url()).send().await.expect_err("forbidden");
        assert_eq!(error.kind(), ErrorKind::Proxy, "{error:?}");
        assert!(error.to_string().contains("403"), "{error}");
        assert_eq!(both.handshakes(), 0);
    });
}
