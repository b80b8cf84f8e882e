//! The length of the long tests, and their random seeds.

use std::fmt::Display;
use std::str::FromStr;

/// The number in the variable `name`, or `default`.
///
/// # Panics
/// If the variable is not a number.
pub fn number<T: FromStr + Display>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, which is not a number")),
        Err(_) => default,
    }
}

/// The seed of a long test: `WINDLASS_TEST_SEED`, or a random one. It is printed either way.
pub fn seed(test: &str) -> u64 {
    let seed = number("WINDLASS_TEST_SEED", fastrand::u64(..1 << 32));
    println!("{test}: WINDLASS_TEST_SEED={seed}");
    seed
}
