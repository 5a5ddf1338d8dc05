//! Decompression, through the public `Client`: what is asked for, what is decoded, and what becomes of the connection.

mod common_t2;

#[cfg(any(
    feature = "brotli",
    feature = "deflate",
    feature = "gzip",
    feature = "zstd"
))]
#[path = "decompression/mod.rs"]
mod decompression;
