//! What is sent in real runs: 112 bytes that say where they come from and where they go, and carry thirteen words.
//!
//! Every contender sends the same. What it needs beside them to do its work (raddle a header with an id, a depth, a clock
//! and numbers, the frameworks a box, the design in Python its own fields) is its own affair and its own cost.
//!
//! Between processes it goes as it is, as bytes, under raddle as over the bare pipes and in Python: what is compared is who
//! carries it, not how numbers are packed.

use std::{array, fmt};

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long a load is, as bytes.
pub const BYTES: usize = 112;

const WORDS: usize = 13;

/// One message of a real run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Who says it, counted from 0.
    pub from: u32,
    /// To whom.
    pub to: u32,
    /// What.
    pub words: [u64; WORDS],
}

const _: () = assert!(size_of::<Load>() == BYTES, "as long in memory as on a pipe");

impl Load {
    /// A load of words that look like chance and are a function of the number.
    pub fn new(from: u32, to: u32, number: u64) -> Load {
        let word = |at: usize| (number + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Load { from, to, words: array::from_fn(word) }
    }

    /// What an echo answers: the same words, back to where they come from.
    #[must_use]
    pub const fn back(self) -> Load {
        Load { from: self.to, to: self.from, ..self }
    }

    /// As bytes.
    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..4].copy_from_slice(&self.from.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.to.to_le_bytes());
        for (place, word) in bytes[8..].chunks_exact_mut(8).zip(self.words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// From bytes.
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Load {
        let mut words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
        let ends = words.next().expect("there are fourteen");
        Load { from: ends as u32, to: (ends >> 32) as u32, words: array::from_fn(|_| words.next().expect("as many")) }
    }
}

impl Serialize for Load {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Load {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Load, D::Error> {
        deserializer.deserialize_bytes(FromBytes)
    }
}

struct FromBytes;

impl Visitor<'_> for FromBytes {
    type Value = Load;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BYTES} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Load, E> {
        let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Load::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{BytesDeserializer, Error};

    use super::*;

    #[test]
    fn what_is_as_long_as_a_load_is_one() {
        let load = Load::new(1, 0, 5);
        let read = |bytes: &[u8]| Load::deserialize(BytesDeserializer::<Error>::new(bytes));
        assert_eq!(read(&load.to_bytes()), Ok(load));
        assert!(read(&load.to_bytes()[1..]).is_err());
    }

    #[test]
    fn bytes_round_trip() {
        let load = Load::new(2, 3, 77);
        assert_eq!(Load::from_bytes(&load.to_bytes()), load);
        assert_ne!(load.words, Load::new(2, 3, 76).words);
        assert_eq!((load.back().from, load.back().to, load.back().words), (3, 2, load.words));
    }
}
