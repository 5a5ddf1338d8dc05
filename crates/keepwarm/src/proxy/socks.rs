//! SOCKS5: a connection through a SOCKS proxy (RFC 1928), with or without a user name (RFC 1929).
//!
//! Owns the handshake, which never reads a byte beyond it. Refuses to resolve names: the proxy does, unless the
//! target is an address.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::credentials::Credentials;
use super::handshake::{before, broken, failed};
use super::target::Host;
use super::{Handshake, Proxy, Target};
use crate::error::Result;

/// The protocol's version, first in each message.
const VERSION: u8 = 5;
/// The version of the negotiation with user name and password.
const LOGIN_VERSION: u8 = 1;
/// Ways to log in (RFC 1928 §3).
const NO_LOGIN: u8 = 0;
const PASSWORD_LOGIN: u8 = 2;
const NO_ACCEPTABLE_LOGIN: u8 = 0xff;
/// The command that opens a connection.
const CONNECT: u8 = 1;
/// Types of addresses (RFC 1928 §5).
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a connection to `target`. The stream then leads there.
pub(super) async fn connect<S>(
    stream: &mut S,
    proxy: &Proxy,
    target: &Target,
    handshake: &Handshake<'_>,
) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire { stream, proxy };
    before(handshake.deadline(), async {
        wire.log_in().await?;
        wire.request(target).await
    })
    .await
}

struct Wire<'a, S> {
    stream: &'a mut S,
    proxy: &'a Proxy,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<'_, S> {
    async fn log_in(&mut self) -> Result<()> {
        let login = self.proxy.login();
        // Without credentials only "no login" is offered: a proxy must not choose what we cannot do.
        match login {
            Some(_) => self.say(&[VERSION, 2, NO_LOGIN, PASSWORD_LOGIN]).await?,
            None => self.say(&[VERSION, 1, NO_LOGIN]).await?,
        }
        let [version, chosen] = self.hear().await?;
        self.check_version(version)?;
        match (chosen, login) {
            (NO_LOGIN, _) => Ok(()),
            (PASSWORD_LOGIN, Some(credentials)) => self.password(credentials).await,
            (NO_ACCEPTABLE_LOGIN, Some(_)) => Err(self
                .fails("takes neither calls without login nor those with user name and password")),
            (NO_ACCEPTABLE_LOGIN, None) => Err(self.fails("wants credentials, and none are set")),
            (other, _) => Err(self.fails(format_args!(
                "chose a way to log in that was not offered ({other})"
            ))),
        }
    }

    async fn password(&mut self, credentials: &Credentials) -> Result<()> {
        let mut message = vec![LOGIN_VERSION];
        for text in [&credentials.user, &credentials.password] {
            message.push(self.length(text.len())?);
            message.extend_from_slice(text);
        }
        self.say(&message).await?;
        let [version, status] = self.hear().await?;
        if version != LOGIN_VERSION {
            return Err(self.fails(format_args!(
                "answered the login in an unknown version ({version})"
            )));
        }
        if status != 0 {
            return Err(self.fails("did not accept the credentials"));
        }
        Ok(())
    }

    async fn request(&mut self, target: &Target) -> Result<()> {
        let mut message = vec![VERSION, CONNECT, 0];
        match &target.host {
            Host::Address(IpAddr::V4(address)) => {
                message.push(IPV4);
                message.extend_from_slice(&address.octets());
            }
            Host::Address(IpAddr::V6(address)) => {
                message.push(IPV6);
                message.extend_from_slice(&address.octets());
            }
            Host::Name(name) => {
                message.push(NAME);
                message.push(self.length(name.len())?);
                message.extend_from_slice(name.as_bytes());
            }
        }
        message.extend_from_slice(&target.port.to_be_bytes());
        self.say(&message).await?;
        let [version, code] = self.hear().await?;
        self.check_version(version)?;
        if code != 0 {
            // What follows a refusal tells nothing more, and some proxies leave it out.
            return Err(self.fails(format_args!("did not connect to {target}: {}", reply(code))));
        }
        self.bound_address().await
    }

    /// Takes the address that the proxy connects from. It is of no use here, but stands before the tunnel's bytes.
    async fn bound_address(&mut self) -> Result<()> {
        let [_reserved, kind] = self.hear().await?;
        let length = match kind {
            IPV4 => 4,
            IPV6 => 16,
            NAME => {
                let [length] = self.hear().await?;
                usize::from(length)
            }
            other => {
                return Err(self.fails(format_args!(
                    "told its address in an unknown form ({other})"
                )));
            }
        };
        let mut address = [0; u8::MAX as usize + PORT];
        let address = &mut address[..length + PORT];
        let heard = self.stream.read_exact(address).await;
        heard.map_err(|error| broken(self.proxy, error))?;
        Ok(())
    }

    async fn say(&mut self, message: &[u8]) -> Result<()> {
        let said = async {
            self.stream.write_all(message).await?;
            self.stream.flush().await
        };
        said.await
            .map_err(|error: io::Error| broken(self.proxy, error))
    }

    /// Exactly so many bytes: what comes behind the handshake is not ours.
    async fn hear<const COUNT: usize>(&mut self) -> Result<[u8; COUNT]> {
        let mut heard = [0; COUNT];
        let read = self.stream.read_exact(&mut heard).await;
        read.map_err(|error| broken(self.proxy, error))?;
        Ok(heard)
    }

    fn check_version(&self, version: u8) -> Result<()> {
        match version {
            VERSION => Ok(()),
            // An HTTP server's answer begins so.
            b'H' => Err(self.fails("speaks HTTP, not SOCKS5")),
            other => Err(self.fails(format_args!("does not speak SOCKS5 (version {other})"))),
        }
    }

    /// A length in one byte. What is longer was refused when it was configured or parsed.
    fn length(&self, length: usize) -> Result<u8> {
        u8::try_from(length).map_err(|_| self.fails("cannot be told more than 255 bytes at once"))
    }

    fn fails(&self, what: impl std::fmt::Display) -> crate::error::Error {
        failed(self.proxy, what)
    }
}

/// Bytes of a port.
const PORT: usize = 2;

/// What a reply code says (RFC 1928 §6).
fn reply(code: u8) -> String {
    let words = match code {
        1 => "general failure",
        2 => "its rules do not allow it",
        3 => "the network is unreachable",
        4 => "the host is unreachable",
        5 => "the connection was refused",
        6 => "the time to live expired",
        7 => "it does not know the command",
        8 => "it does not know this type of address",
        unknown => return format!("unknown reply code {unknown}"),
    };
    format!("{words} (code {code})")
}
