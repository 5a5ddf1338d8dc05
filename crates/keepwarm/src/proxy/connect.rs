//! CONNECT: a tunnel through an HTTP proxy (RFC 9110 §9.3.6).
//!
//! Owns the request and the judgement of its answer, which the core's engine reads as strictly as any other. Refuses
//! to know what goes through the tunnel.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use keepwarm_core::h1::{
    BodyLength, Exchange, HeadExtras, HostPort, Received, RequestShape, ResponseHead, request_head,
};
use keepwarm_core::reason::ProtocolFault;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::handshake::{before, broken, failed, faulty};
use super::refused::Refused;
use super::{Handshake, Proxy, Target};
use crate::error::Result;

/// How much of a refusal's body is shown.
const BODY_START: usize = 1024;
/// How long it is waited for: the head has said what matters.
const BODY_TIME: Duration = Duration::from_millis(500);
/// Read at once. An agreeing proxy says little, and nothing behind it until we speak.
const READ: usize = 1024;

/// Opens a tunnel. The stream then leads to `target`; not one byte of the tunnel was taken out of it.
pub(super) async fn tunnel<S>(
    stream: &mut S,
    proxy: &Proxy,
    target: &Target,
    handshake: &Handshake<'_>,
) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = handshake.deadline();
    let mut buffer = BytesMut::new();
    let mut exchange = Exchange::new(SHAPE, handshake.heads);
    let answer = async {
        let request = request(proxy, target, handshake);
        let written = async {
            stream.write_all(&request).await?;
            stream.flush().await
        };
        written.await.map_err(|error| broken(proxy, error))?;
        exchange.on_head_sent();
        head(stream, proxy, &mut exchange, &mut buffer).await
    };
    match before(deadline, answer).await? {
        Answer::Open => Ok(()),
        Answer::Refused(head) => {
            let latest = Instant::now() + BODY_TIME;
            let latest = deadline.map_or(latest, |deadline| deadline.min(latest));
            let body = body_start(stream, &mut exchange, &mut buffer, latest).await;
            Err(Refused::new(proxy, target, head, &body).into_error())
        }
    }
}

const SHAPE: RequestShape = RequestShape {
    head: false,
    connect: true,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};

fn request(proxy: &Proxy, target: &Target, handshake: &Handshake<'_>) -> Vec<u8> {
    let host = target.host.to_string();
    let extras = HeadExtras {
        //= RFC 9110 §7.2: the Host line says what the target says, here with its port.
        host: Some(HostPort {
            host: &host,
            port: Some(target.port),
        }),
        close: false,
        length: BodyLength::Empty,
        expect_continue: false,
        user_agent: handshake.user_agent,
    };
    let mut out = Vec::new();
    let fields = proxy.connect_fields();
    //= RFC 9112 §3.2.3: CONNECT names host and port, and nothing else.
    request_head(
        &mut out,
        &Method::CONNECT,
        &target.to_string(),
        &fields,
        &extras,
    );
    out
}

/// What the proxy answered.
enum Answer {
    Open,
    Refused(ResponseHead),
}

async fn head<S: AsyncRead + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    exchange: &mut Exchange,
    buffer: &mut BytesMut,
) -> Result<Answer> {
    loop {
        let received = exchange
            .receive(buffer)
            .map_err(|fault| faulty(proxy, fault))?;
        match received {
            Some(Received::Interim(_)) => {}
            Some(Received::Head(head)) => return Ok(Answer::Refused(head)),
            Some(Received::Switched(_)) if buffer.is_empty() => return Ok(Answer::Open),
            // In a TLS tunnel the server says nothing before the client: these bytes are not its own.
            Some(Received::Switched(_)) => {
                let stray = buffer.len();
                return Err(failed(
                    proxy,
                    format_args!("sent {stray} stray bytes behind its agreement to a tunnel"),
                ));
            }
            // None of these stands before a head.
            Some(Received::Data(_) | Received::Trailers(_) | Received::End) => {
                return Err(faulty(proxy, ProtocolFault::NotHttp));
            }
            None => {
                let read = fill(stream, buffer).await;
                if read.map_err(|error| broken(proxy, error))? == 0 {
                    return Err(faulty(proxy, ProtocolFault::EndedInHead));
                }
            }
        }
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut BytesMut) -> io::Result<usize> {
    if buffer.capacity() - buffer.len() < READ / 2 {
        buffer.reserve(READ);
    }
    stream.read_buf(buffer).await
}

/// The first bytes of a refusal's body: what comes until `latest`, as long as it is sound.
async fn body_start<S: AsyncRead + Unpin>(
    stream: &mut S,
    exchange: &mut Exchange,
    buffer: &mut BytesMut,
    latest: Instant,
) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while body.len() < BODY_START {
            match exchange.receive(buffer) {
                Ok(Some(Received::Data(data))) => {
                    let room = BODY_START - body.len();
                    body.extend_from_slice(&data[..data.len().min(room)]);
                }
                Ok(None) => match fill(stream, buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                },
                Ok(Some(
                    Received::Interim(_)
                    | Received::Head(_)
                    | Received::Trailers(_)
                    | Received::End
                    | Received::Switched(_),
                ))
                | Err(_) => break,
            }
        }
    };
    // The refusal is told with what is here by then.
    let _late = tokio::time::timeout_at(latest, reading).await;
    body
}
