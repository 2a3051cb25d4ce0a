//! The hash of a state, the same on every machine and in every build: by it final states are compared and visited ones
//! told apart.

use std::hash::{Hash, Hasher};

use crate::fnv;

pub(crate) fn state_hash(value: &impl Hash) -> u64 {
    let mut hasher = StateHasher(fnv::OFFSET);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Hashes states with FNV-1a, and numbers as little-endian bytes of a fixed width, so that two machines agree.
struct StateHasher(u64);

impl Hasher for StateHasher {
    fn finish(&self) -> u64 {
        fnv::spread(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = fnv::extend(self.0, bytes);
    }

    fn write_u16(&mut self, it: u16) {
        self.write(&it.to_le_bytes());
    }

    fn write_u32(&mut self, it: u32) {
        self.write(&it.to_le_bytes());
    }

    fn write_u64(&mut self, it: u64) {
        self.write(&it.to_le_bytes());
    }

    fn write_u128(&mut self, it: u128) {
        self.write(&it.to_le_bytes());
    }

    fn write_usize(&mut self, it: usize) {
        self.write_u64(it as u64);
    }
}
