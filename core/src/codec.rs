//! How what goes to a machine in another process, and what comes back, become bytes and values again.
//!
//! A system's own types need not be serializable unless it runs there. So a system is asked for it once, where its types
//! are known ([`System::on_processes`](crate::System::on_processes)), and this value keeps the way.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::away::{Answer, Errand, Said};
use crate::header::Input;
use crate::machine::StateMachine;
use crate::recording::Sketch;

/// How the values of one system become bytes (postcard) and values again.
pub struct Codec<M: StateMachine> {
    #[expect(clippy::type_complexity, reason = "an errand, borrowed")]
    put_errand: fn(Errand<&Input<M>>, Vec<u8>) -> Result<Vec<u8>, CodecError>,
    get_errand: Get<Errand<Input<M>>>,
    sketch_input: fn(&Input<M>) -> Option<Sketch>,
    put_input: Put<Input<M>>,
    get_input: Get<Input<M>>,
    #[expect(clippy::type_complexity, reason = "an answer, borrowed")]
    put_answer: fn(&Said<M::Update>, Option<&M>, Vec<u8>) -> Result<Vec<u8>, CodecError>,
    get_answer: Get<Answer<M>>,
    put_state: Put<M>,
    get_state: Get<M>,
}

type Put<T> = fn(&T, Vec<u8>) -> Result<Vec<u8>, CodecError>;
type Get<T> = fn(&[u8]) -> Result<T, CodecError>;

/// A value that does not become bytes, or bytes that are no such value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// `Serialize` or `Deserialize` of a type of the system says so.
    #[error("{0}")]
    Serde(#[from] postcard::Error),
    /// There is more than the value.
    #[error("{0} bytes too many")]
    TooMany(usize),
    /// It is a value, and no handler can have said it.
    #[error("no handler can have said this")]
    Unsound,
}

impl<M: StateMachine> Clone for Codec<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: StateMachine> Copy for Codec<M> {}

impl<M: StateMachine> Codec<M> {
    pub(crate) fn new() -> Self
    where
        M: Serialize + DeserializeOwned,
        M::Message: Serialize + DeserializeOwned,
        M::Update: Serialize + DeserializeOwned,
    {
        Self {
            put_errand: |errand, bytes| put(&errand, bytes),
            get_errand: get,
            sketch_input: Sketch::of,
            put_input: put,
            get_input: get,
            put_answer: |said, state, bytes| put(&(said, state), bytes),
            get_answer: |bytes| {
                let answer: Answer<M> = get(bytes)?;
                if answer.said.is_sound() { Ok(answer) } else { Err(CodecError::Unsound) }
            },
            put_state: put,
            get_state: get,
        }
    }

    /// An errand, behind these bytes.
    ///
    /// # Errors
    /// When it does not serialize.
    pub fn put_errand(&self, errand: Errand<&Input<M>>, bytes: Vec<u8>) -> Result<Vec<u8>, CodecError> {
        (self.put_errand)(errand, bytes)
    }

    /// The errand that these bytes are.
    ///
    /// # Errors
    /// When they are none.
    pub fn errand(&self, bytes: &[u8]) -> Result<Errand<Input<M>>, CodecError> {
        (self.get_errand)(bytes)
    }

    /// An input as a number; none if it does not serialize.
    pub(crate) fn sketch(&self, input: &Input<M>) -> Option<Sketch> {
        (self.sketch_input)(input)
    }

    /// An input, behind these bytes.
    ///
    /// # Errors
    /// When it does not serialize.
    pub fn put_input(&self, input: &Input<M>, bytes: Vec<u8>) -> Result<Vec<u8>, CodecError> {
        (self.put_input)(input, bytes)
    }

    /// The input that these bytes are.
    ///
    /// # Errors
    /// When they are none.
    pub fn input(&self, bytes: &[u8]) -> Result<Input<M>, CodecError> {
        (self.get_input)(bytes)
    }

    /// An answer, behind these bytes.
    ///
    /// # Errors
    /// When it does not serialize.
    pub fn put_answer(&self, said: &Said<M::Update>, state: Option<&M>, bytes: Vec<u8>) -> Result<Vec<u8>, CodecError> {
        (self.put_answer)(said, state, bytes)
    }

    /// The answer that these bytes are: one that a handler can have given.
    ///
    /// # Errors
    /// When they are none.
    pub fn answer(&self, bytes: &[u8]) -> Result<Answer<M>, CodecError> {
        (self.get_answer)(bytes)
    }

    /// A state, behind these bytes.
    ///
    /// # Errors
    /// When it does not serialize.
    pub fn put_state(&self, state: &M, bytes: Vec<u8>) -> Result<Vec<u8>, CodecError> {
        (self.put_state)(state, bytes)
    }

    /// The state that these bytes are.
    ///
    /// # Errors
    /// When they are none.
    pub fn state(&self, bytes: &[u8]) -> Result<M, CodecError> {
        (self.get_state)(bytes)
    }
}

fn put<T: Serialize>(value: &T, bytes: Vec<u8>) -> Result<Vec<u8>, CodecError> {
    Ok(postcard::serialize_with_flavor(value, Bytes(bytes))?)
}

/// Where bytes go. A number is a few of them, for which a call that copies memory costs more than they do.
struct Bytes(Vec<u8>);

impl Flavor for Bytes {
    type Output = Vec<u8>;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() <= NUMBER_MAX {
            self.0.reserve(bytes.len());
            bytes.iter().for_each(|byte| self.0.push(*byte));
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Most bytes of a number of 64 bits.
const NUMBER_MAX: usize = 10;

fn get<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(value),
        (_, more) => Err(CodecError::TooMany(more.len())),
    }
}
