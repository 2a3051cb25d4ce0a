//! Named substreams of ChaCha8, and bounded choice.
//!
//! Every draw of a run comes from a stream keyed by (seed, name, number), so that taking one draw more here shifts
//! nothing there. The recipe is part of what "same seed, same run, for ever" means: golden values guard it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::fnv;

/// The generator of the substream `name` number `number` of a seed.
///
/// The 256-bit key is seed, FNV-1a of the name, number, and the spread of their sum, little-endian.
#[must_use]
pub fn substream(seed: u64, name: &str, number: u64) -> ChaCha8Rng {
    let name = fnv::hash(name.as_bytes());
    let check = fnv::spread(seed.wrapping_add(name).wrapping_add(number));
    let mut key = [0; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip([seed, name, number, check]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// A uniform value below `bound`: the high half of a 32 by 32 bit product, redrawn where that would be uneven
/// (Lemire, "Fast Random Integer Generation in an Interval", 2019). A bound of 0 or 1 draws nothing and gives 0.
#[inline]
pub fn below(rng: &mut ChaCha8Rng, bound: u32) -> u32 {
    if bound <= 1 {
        return 0;
    }
    let mut product = u64::from(rng.next_u32()) * u64::from(bound);
    if (product as u32) < bound {
        let uneven = bound.wrapping_neg() % bound;
        while (product as u32) < uneven {
            product = u64::from(rng.next_u32()) * u64::from(bound);
        }
    }
    (product >> 32) as u32
}

/// The `nth` choice among `options` of the handling of an input.
#[must_use]
pub fn choice(seed: u64, input: u64, nth: u64, options: u32) -> u32 {
    below(&mut substream(seed, "choose", input.wrapping_add(fnv::spread(nth))), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values() {
        let mut rng = ChaCha8Rng::seed_from_u64(42);
        assert_eq!(rng.next_u64(), 0xae90_bfb5_395d_5ba1);
        let mut rng = substream(42, "schedule", 0);
        let drawn: Vec<u32> = (2..12).map(|bound| below(&mut rng, bound)).collect();
        assert_eq!(drawn, GOLDEN_BELOW);
        assert_eq!([0, 1, 2, 3].map(|nth| choice(42, 7, nth, 10)), GOLDEN_CHOICE);
    }

    const GOLDEN_BELOW: [u32; 10] = [0, 1, 0, 0, 3, 1, 4, 2, 7, 10];
    const GOLDEN_CHOICE: [u32; 4] = [0, 1, 5, 6];

    #[test]
    fn below_is_even() {
        let mut rng = substream(1, "test", 0);
        let mut seen = [0_u32; 6];
        for _ in 0..60_000 {
            seen[below(&mut rng, 6) as usize] += 1;
        }
        let chi_squared: f64 = seen.iter().map(|n| (f64::from(*n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi_squared < 20.5, "p < 0.001 with 5 degrees of freedom: {seen:?}");
    }
}
