//! Buffers, lent to exchanges and shared by all connections of a thread.
//!
//! Owns a small cache per thread. An idle connection holds no buffer; that is what makes ten thousand of them
//! cheap. Refuses to keep more than a few, or large ones.

use std::cell::RefCell;

use bytes::BytesMut;

/// What a read asks for at first: a head with a small body fits.
pub(crate) const READ_SIZE: usize = 8 * 1024;
/// A buffer that has grown beyond this is not kept.
const LARGEST_KEPT: usize = 64 * 1024;
/// Buffers kept per thread and kind.
const KEPT: usize = 16;

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { read: Vec::new(), write: Vec::new() }) };
}

struct Cache {
    read: Vec<BytesMut>,
    write: Vec<Vec<u8>>,
}

/// An empty buffer to read into, with room for [`READ_SIZE`] bytes.
pub(crate) fn take_read() -> BytesMut {
    let cached = CACHE.try_with(|cache| cache.borrow_mut().read.pop());
    let mut buffer = cached.ok().flatten().unwrap_or_default();
    buffer.reserve(READ_SIZE);
    buffer
}

/// Gives a read buffer back; whatever is in it is forgotten.
pub(crate) fn give_read(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() <= LARGEST_KEPT {
        // The thread may be ending, and its cache gone: then the buffer is freed.
        let _gone = CACHE.try_with(|cache| {
            let read = &mut cache.borrow_mut().read;
            if read.len() < KEPT {
                read.push(buffer);
            }
        });
    }
}

/// An empty buffer to write a head into.
pub(crate) fn take_write() -> Vec<u8> {
    let cached = CACHE.try_with(|cache| cache.borrow_mut().write.pop());
    cached
        .ok()
        .flatten()
        .unwrap_or_else(|| Vec::with_capacity(1024))
}

/// Gives a write buffer back.
pub(crate) fn give_write(mut buffer: Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > 0 && buffer.capacity() <= LARGEST_KEPT {
        let _gone = CACHE.try_with(|cache| {
            let write = &mut cache.borrow_mut().write;
            if write.len() < KEPT {
                write.push(buffer);
            }
        });
    }
}
