//! See `keepwarm_fuzz::pool_machine`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwarm_fuzz::pool_machine::run(bytes));
