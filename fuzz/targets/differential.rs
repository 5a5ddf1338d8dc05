//! See `keepwarm_fuzz::differential`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwarm_fuzz::differential::run(bytes));
