//! See `keepwarm_fuzz::client`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwarm_fuzz::client::run(bytes));
