//! Mistakes get a sentence that says what, where and what to do; help is there.

use crate::support::keepwarm;

const URL: &str = "http://127.0.0.1:9/";

/// Arguments, and words of the complaint.
type Mistakes<'a> = &'a [(&'a [&'a str], &'a [&'a str])];

fn check(mistakes: Mistakes<'_>) {
    for (arguments, words) in mistakes {
        let done = keepwarm(arguments).with_code(2);
        assert_eq!(done.stdout, "", "{arguments:?}");
        for word in *words {
            done.complains(word);
        }
    }
}

#[test]
fn mistakes_in_a_request_say_what_where_and_what_to_do() {
    check(&[
        (&["get", "ftp://example.test/"], &["scheme must be http"]),
        (&["get", "http://me:secret@h.test:0/"], &["1 to 65535"]),
        (
            &["get", "-H", "nonsense", URL],
            &["--header", "'Name: value'"],
        ),
        (
            &["get", "--body", "some", URL],
            &["--body", "read, drop, or a number"],
        ),
        (&["get", "-X", "CONNECT", URL], &["CONNECT is for proxies"]),
        (&["get", "-X", "A B", URL], &["one word"]),
        (&["get", "--parallel", "0", URL], &["--parallel"]),
        (&["get", "--repeat", "0", URL], &["--repeat"]),
        (
            &["get", "-d", "x", "--data-file", "y", URL],
            &["cannot be used with"],
        ),
        (
            &["get", "--data-file", "/no/such/file", URL],
            &["/no/such/file", "--data-file"],
        ),
        (
            &["get", "-o", "/no/such/folder/file", URL],
            &["/no/such/folder/file", "-o"],
        ),
        (
            &["get", "-o", "-", "--json", URL],
            &["-o", "give -o a file"],
        ),
    ]);
}

#[test]
fn mistakes_in_settings_say_what_where_and_what_to_do() {
    check(&[
        (
            &["get", "--gap", "5", URL],
            &["--gap", "needs a unit", "5s"],
        ),
        (
            &["get", "--timeout", "soon", URL],
            &["--timeout", "soon", "off for no limit"],
        ),
        (
            &["get", "--max-idle=-1", URL],
            &["--max-idle", "off for no limit"],
        ),
        (
            &["get", "--drain-bytes", "1G", URL],
            &["--drain-bytes", "64k"],
        ),
        (
            &["get", "--resolve", "a.test:80", URL],
            &["--resolve", "HOST:PORT:ADDRESS"],
        ),
        (&["get", "--retry", "always", URL], &["--retry", "rfc"]),
        (&["get", "--preset", "fast", URL], &["--preset", "busy"]),
        (
            &["get", "--max-conns-per-host", "0", URL],
            &["max_conns_per_host must not be 0"],
        ),
        (&["get", "--max-head-bytes", "1", URL], &["at least 64"]),
        (
            &["get", "--origin", "https://a.test,idle-timeout=5", URL],
            &["--origin", "idle-timeout=5", "needs a unit"],
        ),
        (
            &["get", "--origin", "https://a.test,max-conns=4", URL],
            &["--origin", "over all origins", "max-conns-per-host"],
        ),
        (
            &["get", "--origin", "https://a.test/v1,http1", URL],
            &["leave /v1 out", "https://a.test"],
        ),
        (
            &[
                "get",
                "--origin",
                "https://a.test,max-conns-per-host=0",
                URL,
            ],
            &["for the origin https://a.test", "must not be 0"],
        ),
    ]);
}

#[test]
fn mistakes_in_tls_and_proxies_say_what_where_and_what_to_do() {
    const SECURE: &str = "https://127.0.0.1:9/";
    check(&[
        (
            &["get", "--tls-min", "1.3", "--tls-max", "1.2", SECURE],
            &["--tls-min 1.3 is above --tls-max 1.2"],
        ),
        (
            &["get", "--tls-max", "1.1", SECURE],
            &["--tls-max", "1.2 or 1.3"],
        ),
        (
            &["get", "-k", "--cacert", "x", SECURE],
            &["--insecure", "cannot be used with", "--cacert"],
        ),
        (
            &["get", "--key", "x", SECURE],
            &["required arguments", "--cert"],
        ),
        (
            &["get", "--cacert", "/no/such/file", SECURE],
            &["/no/such/file"],
        ),
        (
            &["get", "--cert", "/no/such/file", SECURE],
            &["/no/such/file"],
        ),
        (
            &["get", "--keylog", "/no/such/folder/file", SECURE],
            &["/no/such/folder/file"],
        ),
        (
            &["get", "--http1", "--http2", SECURE],
            &["--http1", "cannot be used with"],
        ),
        (
            &["get", "--http2", "--http2-prior-knowledge", SECURE],
            &["cannot be used with"],
        ),
        (&["get", "-4", "-6", SECURE], &["cannot be used with"]),
        (
            &["get", "-6", "--local-address", "127.0.0.1", SECURE],
            &["--local-address 127.0.0.1"],
        ),
        (
            &["get", "--spread-addresses", "--unix-socket", "x", SECURE],
            &["--spread-addresses", "cannot be used with"],
        ),
        (
            &["get", "--max-redirs", "3", SECURE],
            &["required arguments", "--location"],
        ),
        (
            &["get", "--proxy", "gopher://h.test", SECURE],
            &["--proxy", "socks5"],
        ),
        (
            &["get", "--proxy", "h.test", "--unix-socket", "x", SECURE],
            &["cannot be used with"],
        ),
    ]);
}

#[test]
fn passwords_in_urls_are_never_repeated() {
    for arguments in [
        &["get", "http://me:secret@h.test:0/"][..],
        &["get", "http://me:secret@"],
        &["get", "ftp://me:secret@h.test/"],
        &["get", "--origin", "http://me:secret@h.test,http1", URL],
        &["get", "--origin", "http://me:secret@h.test:0,http1", URL],
        &["get", "--proxy", "http://me:secret@h.test:0", URL],
        &["get", "--proxy", "gopher://me:secret@h.test", URL],
        &[
            "get",
            "--proxy",
            "http://me:secret@h",
            "--unix-socket",
            "x",
            URL,
        ],
    ] {
        let done = keepwarm(arguments).with_code(2);
        assert!(!done.stderr.contains("secret"), "{done:#?}");
    }
}

#[test]
fn mistakes_in_a_lab_say_what_where_and_what_to_do() {
    check(&[
        (&["lab", "--listen", "nowhere"], &["--listen", "unix:PATH"]),
        (
            &["lab", "--listen", "192.0.2.1:0"],
            &["192.0.2.1", "--listen"],
        ),
        (
            &["lab", "--connection", "maybe"],
            &["--connection", "close-on=N"],
        ),
        (
            &["lab", "--fault-at", "middle"],
            &["--fault-at", "body:BYTES"],
        ),
        (&["lab", "--hang", "--reset"], &["cannot be used with"]),
        (
            &["lab", "--chunked", "--no-length"],
            &["cannot be used with"],
        ),
    ]);
}

#[test]
fn help_has_groups_and_examples() {
    let all = keepwarm(&["--help"]).with_code(0);
    for word in ["get", "lab", "demo", "Exit codes", "keepwarm get -v"] {
        all.says(word);
    }
    let get = keepwarm(&["get", "--help"]).with_code(0);
    for word in [
        "Pool",
        "Timeouts",
        "Examples:",
        "0 or off = no limit",
        "\nTLS:\n",
        "\nProxy:\n",
        "\nProtocol:\n",
    ] {
        get.says(word);
    }
    let lab = keepwarm(&["lab", "--help"]).with_code(0);
    for word in ["Closing connections", "Faults", "Examples:"] {
        lab.says(word);
    }
    keepwarm(&["demo", "--help"])
        .with_code(0)
        .says("on loopback");
    keepwarm(&["--version"])
        .with_code(0)
        .says(env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_option_of_the_transport_is_there() {
    let get = keepwarm(&["get", "--help"]).with_code(0);
    for option in [
        "max-idle",
        "max-idle-per-host",
        "max-conns",
        "max-conns-per-host",
        "idle-timeout",
        "max-lifetime",
        "max-requests-per-connection",
        "origin",
        "connect-timeout",
        "tls-handshake-timeout",
        "response-header-timeout",
        "read-idle-timeout",
        "write-stall-timeout",
        "queue-timeout",
        "timeout",
        "expect-timeout",
        "drain-bytes",
        "drain-time",
        "max-head-bytes",
        "no-keep-alive",
        "ignore-server-hint",
        "no-learning",
        "retry",
        "resolve",
        "unix-socket",
        "local-address",
        "preset",
        "cacert",
        "cert",
        "key",
        "insecure",
        "tls-min",
        "tls-max",
        "keylog",
        "http1",
        "http2",
        "http2-prior-knowledge",
        "proxy",
        "noproxy",
        "proxy-handshake-timeout",
        "location",
        "max-redirs",
        "compressed",
        "ipv4",
        "ipv6",
        "spread-addresses",
    ] {
        let is_option = |line: &str| {
            let words = line.split_whitespace();
            words.into_iter().any(|word| word == format!("--{option}"))
        };
        assert!(get.stdout.lines().any(is_option), "--{option} is missing");
    }
}
