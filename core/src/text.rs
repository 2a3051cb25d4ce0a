//! How the messages of a system become text and values again, for files that people read and commit.
//!
//! A system's own types need not be serializable. So a system is asked for it once, where its types are known
//! ([`System::savable`](crate::System::savable)), and this value keeps the way. Between processes bytes will do:
//! [`Codec`](crate::Codec).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How messages become text (RON) and values again.
pub struct MessageText<T> {
    write: fn(&T) -> Result<String, TextError>,
    read: fn(&str) -> Result<T, TextError>,
}

/// A message that does not become text, or text that is no such message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// `Serialize` of a message says so.
    #[error("{0}")]
    Write(#[from] ron::Error),
    /// The text, or `Deserialize` of a message, says so.
    #[error("{0}")]
    Read(#[from] ron::error::SpannedError),
}

impl<T> Clone for MessageText<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for MessageText<T> {}

impl<T: Serialize + DeserializeOwned> MessageText<T> {
    pub(crate) fn new() -> Self {
        Self { write: |message| Ok(ron::to_string(message)?), read: |text| Ok(ron::from_str(text)?) }
    }
}

impl<T> MessageText<T> {
    /// A message as text.
    ///
    /// # Errors
    /// When it does not serialize.
    pub fn write(&self, message: &T) -> Result<String, TextError> {
        (self.write)(message)
    }

    /// The message that this text is.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(&self, text: &str) -> Result<T, TextError> {
        (self.read)(text)
    }
}
