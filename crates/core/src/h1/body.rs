//! `Body`: the bytes behind a head, taken out of a buffer by their framing.
//!
//! Owns the progress through one body, of a response or a request. Refuses to know which.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::Limits;
use super::chunked::Chunks;
use super::head::take_up_to;
use crate::reason::ProtocolFault;

/// A part of a body.
#[derive(Debug)]
pub(crate) enum Part {
    /// Bytes, never none.
    Data(Bytes),
    /// Trailer fields.
    Trailers(HeaderMap),
}

/// A body on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// There is none.
    Empty,
    /// Of declared length.
    Length {
        /// Bytes still to come.
        left: u64,
        /// Bytes declared.
        total: u64,
    },
    /// Chunked.
    Chunked(Chunks),
    /// Ends with the connection.
    UntilClose,
    /// Ended with the connection.
    Ended,
}

impl Body {
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Empty | Self::Ended => true,
            Self::Length { left, .. } => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Takes the next part out of `buffer`. None: more bytes are needed, or the body is done.
    pub(crate) fn take(
        &mut self,
        buffer: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Option<Part>, ProtocolFault> {
        match self {
            Self::Empty | Self::Ended => Ok(None),
            Self::Length { left, .. } => Ok(take_up_to(buffer, left).map(Part::Data)),
            Self::Chunked(chunks) => chunks.take(buffer, limits),
            Self::UntilClose => {
                let mut left = u64::MAX;
                Ok(take_up_to(buffer, &mut left).map(Part::Data))
            }
        }
    }

    /// Bytes still to come; none when nobody can know.
    pub(crate) fn left(&self) -> Option<u64> {
        match self {
            Self::Empty | Self::Ended => Some(0),
            Self::Length { left, .. } => Some(*left),
            Self::Chunked(chunks) => chunks.is_done().then_some(0),
            Self::UntilClose => None,
        }
    }

    /// The declared length; none when there is none.
    pub(crate) fn declared(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Length { total, .. } => Some(*total),
            Self::Chunked(_) | Self::UntilClose | Self::Ended => None,
        }
    }
}
