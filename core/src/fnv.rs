//! FNV-1a, 64 bit: the one hash that leaves a process.
//!
//! Digests, message ids and random substreams are keyed by it, so it is fixed for ever: offset basis and prime
//! are those of the IETF draft "The FNV Non-Cryptographic Hash Algorithm". Never swap it for a faster one; hot
//! maps inside a driver may hash as they like.

/// The FNV-1a offset basis: the hash of the empty text.
pub const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// The FNV prime.
pub const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Continues `state` with `bytes`.
#[must_use]
#[inline]
pub const fn extend(mut state: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        state = (state ^ bytes[i] as u64).wrapping_mul(PRIME);
        i += 1;
    }
    state
}

/// Continues `state` with the decimal digits of `number`, most significant first.
#[must_use]
#[inline]
pub const fn extend_decimal(state: u64, number: u64) -> u64 {
    if number < 10 { extend(state, &[b'0' + number as u8]) } else { extend_long_decimal(state, number) }
}

const fn extend_long_decimal(state: u64, number: u64) -> u64 {
    let state = extend_decimal(state, number / 10);
    extend(state, &[b'0' + (number % 10) as u8])
}

/// The hash of a whole text.
///
/// ```
/// assert_eq!(raddle_core::fnv::hash(b"foobar"), 0x85944171f73967e8);
/// ```
#[must_use]
pub const fn hash(bytes: &[u8]) -> u64 {
    extend(OFFSET, bytes)
}

/// Folds a hash so that sums of folded hashes of related texts do not meet: the two halves of a 128-bit product.
/// Cheaper than [`spread`], and for values that never leave a run.
#[must_use]
#[inline(always)]
pub const fn fold(x: u64) -> u64 {
    let product = x as u128 * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

/// Spreads a hash over all 64 bits (the finaliser of `SplitMix64`), for sums and products of hashes.
#[must_use]
pub const fn spread(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
