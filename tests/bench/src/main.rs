//! `cargo xtask bench`.

fn main() {}
