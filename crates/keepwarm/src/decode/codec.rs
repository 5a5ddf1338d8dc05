//! `Codec`: a decoder that is fed by hand.
//!
//! Owns the joining to `async-compression`: each decoder reads from a [`Piece`], which holds what came last and is
//! pending when that is used up. Refuses to know where pieces come from.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, ReadBuf};

use super::Coding;

/// The most bytes decoded in one step.
const STEP: usize = 16 * 1024;
/// The largest window of zstd, as a power of two: 8 MiB (RFC 9659 §3). More is refused.
#[cfg(feature = "zstd")]
const LARGEST_WINDOW: u32 = 23;

/// A decoder of any coding.
pub(super) struct Codec {
    reader: Box<dyn Decoder>,
    room: BytesMut,
}

/// What one step came to.
pub(super) enum Step {
    Data(Bytes),
    /// The coded data has ended, by its own account. What is left in the piece does not belong to it.
    End,
    /// It needs another piece.
    Hungry,
}

impl Codec {
    /// `first` holds at least one byte.
    pub(super) fn new(coding: Coding, first: Bytes) -> io::Result<Self> {
        let piece = Piece {
            data: first,
            ended: false,
        };
        Ok(Self {
            reader: open(coding, piece)?,
            room: BytesMut::new(),
        })
    }

    /// Gives it the next piece; none at the end. The one before is used up.
    pub(super) fn feed(&mut self, data: Option<Bytes>) {
        let piece = self.reader.piece();
        match data {
            Some(data) => piece.data = data,
            None => piece.ended = true,
        }
    }

    /// Bytes that it did not use yet.
    pub(super) fn rest(&mut self) -> usize {
        self.reader.piece().data.len()
    }

    pub(super) fn step(&mut self, cx: &mut Context<'_>) -> io::Result<Step> {
        self.room.reserve(STEP);
        let mut room = (&mut self.room).limit(STEP);
        // The future of one read holds nothing between its polls.
        let read = pin!(self.reader.read_buf(&mut room));
        match read.poll(cx) {
            Poll::Ready(Ok(0)) => Ok(Step::End),
            Poll::Ready(Ok(_)) => Ok(Step::Data(self.room.split().freeze())),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(Step::Hungry),
        }
    }
}

/// The bytes that came last. It leaves no waker: who finds it pending feeds it.
#[derive(Debug)]
struct Piece {
    data: Bytes,
    ended: bool,
}

impl AsyncRead for Piece {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.data.is_empty() && !self.ended {
            return Poll::Pending;
        }
        let count = self.data.len().min(room.remaining());
        room.put_slice(&self.data.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Piece {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let piece = self.get_mut();
        if piece.data.is_empty() && !piece.ended {
            return Poll::Pending;
        }
        Poll::Ready(Ok(&piece.data))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.data.advance(count);
    }
}

trait Decoder: AsyncRead + Send + Sync + Unpin {
    fn piece(&mut self) -> &mut Piece;
}

macro_rules! decoders {
    ($($feature:literal: $($name:ident),+;)*) => {
        $($(#[cfg(feature = $feature)]
        impl Decoder for async_compression::tokio::bufread::$name<Piece> {
            fn piece(&mut self) -> &mut Piece {
                self.get_mut()
            }
        })+)*
    };
}

decoders! {
    "brotli": BrotliDecoder;
    "deflate": DeflateDecoder, ZlibDecoder;
    "gzip": GzipDecoder;
    "zstd": ZstdDecoder;
}

fn open(coding: Coding, piece: Piece) -> io::Result<Box<dyn Decoder>> {
    #[cfg(any(
        feature = "brotli",
        feature = "deflate",
        feature = "gzip",
        feature = "zstd"
    ))]
    use async_compression::tokio::bufread;
    Ok(match coding {
        //= RFC 7932 §9.1: windows up to 16 MiB. The decoder would also take the large ones of another format.
        #[cfg(feature = "brotli")]
        Coding::Brotli if piece.data.first().is_some_and(|byte| byte & 0x7f == 0x11) => {
            return Err(io::Error::other("its window is too large"));
        }
        #[cfg(feature = "brotli")]
        Coding::Brotli => Box::new(bufread::BrotliDecoder::new(piece)),
        //= RFC 9110 §8.4.1.2: zlib, but some servers send bare deflate.
        // A zlib header begins with the method 8 (RFC 1950 §2.2), deflate data in practice never does.
        #[cfg(feature = "deflate")]
        Coding::Deflate if piece.data.first().is_some_and(|byte| byte & 0xf == 8) => {
            Box::new(bufread::ZlibDecoder::new(piece))
        }
        #[cfg(feature = "deflate")]
        Coding::Deflate => Box::new(bufread::DeflateDecoder::new(piece)),
        #[cfg(feature = "gzip")]
        Coding::Gzip => {
            let mut decoder = bufread::GzipDecoder::new(piece);
            //= RFC 1952 §2.2: several members are one stream.
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        #[cfg(feature = "zstd")]
        Coding::Zstd => {
            let window = async_compression::zstd::DParameter::window_log_max(LARGEST_WINDOW);
            let mut decoder = bufread::ZstdDecoder::with_params(piece, &[window]);
            //= RFC 8878 §3: several frames are one stream.
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    })
}
