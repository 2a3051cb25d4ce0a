//! A value as a number: the hash of what it serializes as, without serializing it.
//!
//! What a handler sends is compared with what was recorded, and seldom read. So a value is not written down unless it is
//! short; walking through it costs a few nanoseconds a word, where text costs a hundred.
//!
//! The hash is FNV-1a over words of 64 bits, each turned before the next; over long bytes, four such hashes side by side, which
//! are then hashed in pairs, and these together. Fixed for ever, as it stands in files.

use serde::ser::{self, Serialize};

use crate::fnv;

/// The hash of a value, and about how long it is in serialized form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sketch {
    hash: u64,
    len: u64,
}

impl Sketch {
    /// That of a value; none if it does not serialize.
    pub(crate) fn of(value: &impl Serialize) -> Option<Self> {
        let mut sketch = Self { hash: fnv::OFFSET, len: 0 };
        value.serialize(&mut sketch).ok()?;
        Some(Self { hash: fnv::spread(sketch.hash), ..sketch })
    }

    pub(crate) const fn hash(self) -> u64 {
        self.hash
    }

    /// The bytes of its numbers and texts.
    pub(crate) const fn len(self) -> u64 {
        self.len
    }

    #[inline]
    fn word(&mut self, word: u64, len: u64) {
        self.hash = turn(self.hash, word);
        self.len += len;
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64, 1);
        // Where there are many words, each waits for the fourth before it only.
        let (words, rest) = bytes.as_chunks::<8>();
        if words.len() < 8 {
            words.iter().for_each(|word| self.word(u64::from_le_bytes(*word), 8));
        } else {
            self.len += 8 * words.len() as u64;
            let [mut one, mut two, mut three, mut four] = [self.hash; 4];
            let (fours, others) = words.as_chunks::<4>();
            for words in fours {
                let [first, second, third, fourth] = words.map(u64::from_le_bytes);
                (one, two) = (turn(one, first), turn(two, second));
                (three, four) = (turn(three, third), turn(four, fourth));
            }
            let mut hashes = [one, two, three, four];
            for (hash, word) in hashes.iter_mut().zip(others) {
                *hash = turn(*hash, u64::from_le_bytes(*word));
            }
            let [one, two, three, four] = hashes;
            // What is alike in two of them is not so when it meets.
            let (low, high) = (turn(one, two.rotate_left(31)), turn(three.rotate_left(17), four.rotate_left(47)));
            self.hash = turn(low, high);
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(word), rest.len() as u64);
        }
    }
}

#[inline]
const fn turn(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(fnv::PRIME).rotate_left(29)
}

macro_rules! words {
    ($($method:ident($type:ty) as $len:literal;)*) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Result<(), postcard::Error> {
                self.word(value as u64, $len);
                Ok(())
            }
        )*
    };
}

impl ser::Serializer for &mut Sketch {
    type Ok = ();
    type Error = postcard::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    words! {
        serialize_bool(bool) as 1;
        serialize_i8(i8) as 1;
        serialize_i16(i16) as 2;
        serialize_i32(i32) as 4;
        serialize_i64(i64) as 8;
        serialize_u8(u8) as 1;
        serialize_u16(u16) as 2;
        serialize_u32(u32) as 4;
        serialize_u64(u64) as 8;
        serialize_char(char) as 4;
    }

    fn serialize_i128(self, value: i128) -> Result<(), Self::Error> {
        self.serialize_u128(value as u128)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Self::Error> {
        self.word(value as u64, 8);
        self.word((value >> 64) as u64, 8);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Self::Error> {
        self.serialize_u32(value.to_bits())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Self::Error> {
        self.serialize_u64(value.to_bits())
    }

    fn serialize_str(self, value: &str) -> Result<(), Self::Error> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Self::Error> {
        self.bytes(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Self::Error> {
        self.serialize_u8(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Self::Error> {
        self.word(1, 1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Self::Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Self::Error> {
        self.word(index.into(), 1);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Self::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Self::Error> {
        self.word(index.into(), 1);
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Self::Error> {
        self.word(len.ok_or(postcard::Error::SerializeSeqLengthUnknown)? as u64, 1);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Self::Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Self::Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Self::Error> {
        self.word(index.into(), 1);
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, Self::Error> {
        self.serialize_seq(len)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Self::Error> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Self::Error> {
        self.word(index.into(), 1);
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($of:ident::$method:ident($($name:ident: $type:ty)?);)*) => {
        $(
            impl ser::$of for &mut Sketch {
                type Ok = ();
                type Error = postcard::Error;

                fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), Self::Error> {
                    $(let _ = $name;)?
                    value.serialize(&mut **self)
                }

                fn end(self) -> Result<(), Self::Error> {
                    Ok(())
                }
            }
        )*
    };
}

parts! {
    SerializeSeq::serialize_element();
    SerializeTuple::serialize_element();
    SerializeTupleStruct::serialize_field();
    SerializeTupleVariant::serialize_field();
    SerializeStruct::serialize_field(name: &'static str);
    SerializeStructVariant::serialize_field(name: &'static str);
}

impl ser::SerializeMap for &mut Sketch {
    type Ok = ();
    type Error = postcard::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Self::Error> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Self::Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, serde::Serialize)]
    enum Any {
        Unit,
        One(u64),
        Two(i8, String),
        Named { maybe: Option<bool>, list: Vec<u16>, map: BTreeMap<char, f32>, wide: i128 },
    }

    fn any_value() -> impl Strategy<Value = Any> {
        let map = prop::collection::btree_map(any::<char>(), (-2..2_i8).prop_map(f32::from), 0..3);
        let named = (any::<Option<bool>>(), prop::collection::vec(0..3_u16, 0..3), map, -1..2_i128);
        prop_oneof![
            Just(Any::Unit),
            any::<u64>().prop_map(Any::One),
            (any::<i8>(), "[ab]{0,9}|[ab]{30,70}").prop_map(|(number, text)| Any::Two(number, text)),
            named.prop_map(|(maybe, list, map, wide)| Any::Named { maybe, list, map, wide }),
        ]
    }

    proptest! {
        #[test]
        fn equal_values_have_one_sketch_and_others_have_others(one in any_value(), other in any_value()) {
            prop_assert_eq!(Sketch::of(&one), Sketch::of(&one.clone()));
            prop_assert_eq!(one == other, Sketch::of(&one) == Sketch::of(&other));
        }
    }

    /// Bytes, as bytes.
    struct Bytes(Vec<u8>);

    impl Serialize for Bytes {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }

    #[test]
    fn any_two_changes_are_seen() {
        let mut seen = std::collections::BTreeSet::new();
        let mut look = |bytes: &[u8], what: &dyn fmt::Debug| {
            assert!(seen.insert(Sketch::of(&Bytes(bytes.to_vec())).map(Sketch::hash)), "{what:?}");
        };
        for len in [64, 71, 112] {
            let blank: Vec<u8> = (0..len).map(|at| if at % 8 == 7 { b'0' + at as u8 / 8 % 10 } else { b' ' }).collect();
            look(&blank, &len);
            for (one, bit) in (0..len).flat_map(|at| [(at, 0x01), (at, 0x20), (at, 0x80)]) {
                let mut changed = blank.clone();
                changed[one] ^= bit;
                look(&changed, &(len, one, bit));
                for (two, other) in (one + 1..len).flat_map(|at| [(at, 0x01), (at, 0x20), (at, 0x80)]) {
                    changed[two] ^= other;
                    look(&changed, &(len, one, bit, two, other));
                    changed[two] ^= other;
                }
            }
        }
    }

    #[test]
    fn sketches_are_fixed_for_ever() {
        let of = |value: &Any| Sketch::of(value).map(|sketch| (format!("{:016x}", sketch.hash()), sketch.len()));
        assert_eq!(of(&Any::Unit), Some(("47f2a889a50733b1".to_owned(), 1)));
        assert_eq!(of(&Any::Two(-1, "hello, world".to_owned())), Some(("21c47c64008267d5".to_owned(), 15)));
        assert_eq!(of(&Any::Two(-1, "hello, world ".repeat(6))), Some(("7f47681cf1bafd17".to_owned(), 81)));
    }
}
