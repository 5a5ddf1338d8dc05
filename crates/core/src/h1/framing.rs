//! Message body length by RFC 9112 §6.3, in its order.
//!
//! Owns the rules. Refuses to know how the bytes of a body are taken (see `body`).

use http::{StatusCode, Version};

use super::BodyLength;
use super::fields::{Fields, Transfer};
use super::message::Asked;
use crate::reason::ProtocolFault;

/// How the bytes behind a response's head are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body.
    Empty,
    /// So many bytes.
    Length(u64),
    /// Chunked.
    Chunked,
    /// Until the server closes.
    UntilClose,
    /// No HTTP follows.
    Tunnel,
}

/// The body of a response to such a request.
pub(super) fn of_response(
    asked: Asked,
    status: StatusCode,
    version: Version,
    fields: &Fields,
) -> Result<Framing, ProtocolFault> {
    let code = status.as_u16();
    //= RFC 9110 §9.3.6: a client MUST ignore Content-Length and Transfer-Encoding in a successful
    //= response to CONNECT.
    if asked.connect && (200..300).contains(&code) {
        return Ok(Framing::Tunnel);
    }
    // The fields are judged before the rules that ignore them: a server that contradicts itself here
    // is not to be trusted with the next response either.
    let chunked = declared(version, fields)?;
    //= RFC 9110 §6.4.1: no content follows in answers to HEAD, 1xx, 204 and 304.
    if asked.head || code < 200 || code == 204 || code == 304 {
        return Ok(Framing::Empty);
    }
    Ok(match (chunked, fields.length) {
        (true, _) => Framing::Chunked,
        (false, Some(0)) => Framing::Empty,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    })
}

/// The body of a request: without a declaration it has none (rule 7).
pub(crate) fn of_request(version: Version, fields: &Fields) -> Result<BodyLength, ProtocolFault> {
    let chunked = declared(version, fields)?;
    Ok(match (chunked, fields.length) {
        (true, _) => BodyLength::Chunked,
        (false, None | Some(0)) => BodyLength::Empty,
        (false, Some(length)) => BodyLength::Known(length),
    })
}

/// Whether the body is chunked, and whether the declaration is sound at all.
#[inline]
fn declared(version: Version, fields: &Fields) -> Result<bool, ProtocolFault> {
    if let Some(fault) = fields.length_fault
        && fields.transfer == Transfer::Absent
    {
        return Err(fault);
    }
    match fields.transfer {
        Transfer::Absent => Ok(false),
        Transfer::Chunked | Transfer::Unsupported if fields.has_length => {
            //= RFC 9112 §6.3 rule 3: both together ought to be handled as an error.
            Err(ProtocolFault::LengthAndChunked)
        }
        //= RFC 9112 §6.1: a message with Transfer-Encoding and HTTP/1.0 has faulty framing.
        Transfer::Chunked if version == Version::HTTP_11 => Ok(true),
        Transfer::Chunked | Transfer::Unsupported => Err(ProtocolFault::TransferEncoding),
    }
}
