//! One line on its way from JSON to a value: fields are taken out one by one, and what is left over is an error.
//!
//! Done by hand because an error must name the field, its value and what would do; derived readers name neither.

use serde_json::{Map, Value};

use super::ReadError;

/// Most characters of a value in an error.
const VALUE_MAX: usize = 60;

/// The fields of one object.
pub(super) struct Fields {
    line: usize,
    of: &'static str,
    map: Map<String, Value>,
}

impl Fields {
    pub(super) const fn new(line: usize, of: &'static str, map: Map<String, Value>) -> Self {
        Self { line, of, map }
    }

    /// Says what the object is, once that is known.
    pub(super) const fn name(&mut self, of: &'static str) {
        self.of = of;
    }

    pub(super) fn value(&mut self, field: &'static str) -> Result<Value, ReadError> {
        self.map.remove(field).ok_or(ReadError::Missing { line: self.line, of: self.of, field })
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, ReadError> {
        let value = self.value(field)?;
        value.as_u64().ok_or_else(|| self.bad(field, &value, "a whole number from 0"))
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, ReadError> {
        let value = self.value(field)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.bad(field, &value, "a whole number from 0 to 4294967295"))
    }

    /// A number; 0 if it is not there.
    pub(super) fn u32_or_zero(&mut self, field: &'static str) -> Result<u32, ReadError> {
        if self.map.contains_key(field) { self.u32(field) } else { Ok(0) }
    }

    /// A number, if it is there.
    pub(super) fn u64_or_none(&mut self, field: &'static str) -> Result<Option<u64>, ReadError> {
        self.map.contains_key(field).then(|| self.u64(field)).transpose()
    }

    /// Yes or no; no if it is not there.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, ReadError> {
        let value = self.map.remove(field).unwrap_or(Value::Bool(false));
        value.as_bool().ok_or_else(|| self.bad(field, &value, "true or false"))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<String, ReadError> {
        match self.value(field)? {
            Value::String(text) => Ok(text),
            value => Err(self.bad(field, &value, "a text")),
        }
    }

    /// A text that stands for something.
    pub(super) fn read<T>(
        &mut self,
        field: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ReadError> {
        let text = self.text(field)?;
        read(&text).ok_or_else(|| self.bad(field, &Value::String(text), expected))
    }

    /// A list of texts that stand for something.
    pub(super) fn list<T>(
        &mut self,
        field: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ReadError> {
        let items = self.array(field)?;
        let item = |value: &Value| {
            let read = value.as_str().and_then(&read);
            read.ok_or_else(|| self.bad(field, value, expected))
        };
        items.iter().map(item).collect()
    }

    /// A list of texts; none if it is not there.
    pub(super) fn list_or_none<T>(
        &mut self,
        field: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ReadError> {
        if self.map.contains_key(field) { self.list(field, expected, read) } else { Ok(Vec::new()) }
    }

    /// A list of objects.
    pub(super) fn objects<T>(
        &mut self,
        field: &'static str,
        of: &'static str,
        read: impl Fn(&mut Fields) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let mut all = Vec::new();
        for item in self.array(field)? {
            let Value::Object(map) = item else { return Err(self.bad(field, &item, "an object")) };
            let mut fields = Fields::new(self.line, of, map);
            all.push(read(&mut fields)?);
            fields.finish()?;
        }
        Ok(all)
    }

    /// A map from texts to values.
    pub(super) fn map(&mut self, field: &'static str) -> Result<Map<String, Value>, ReadError> {
        match self.value(field)? {
            Value::Object(map) => Ok(map),
            value => Err(self.bad(field, &value, "an object")),
        }
    }

    /// A field whose value does not fit.
    pub(super) fn bad(&self, field: &str, value: &Value, expected: &str) -> ReadError {
        let (field, expected) = (field.to_owned(), expected.to_owned());
        ReadError::Value { line: self.line, field, value: clip(value.to_string()), expected }
    }

    fn array(&mut self, field: &'static str) -> Result<Vec<Value>, ReadError> {
        match self.value(field)? {
            Value::Array(items) => Ok(items),
            value => Err(self.bad(field, &value, "a list")),
        }
    }

    /// Nothing may be left over.
    pub(super) fn finish(self) -> Result<(), ReadError> {
        match self.map.into_iter().next() {
            None => Ok(()),
            Some((field, _)) => Err(ReadError::Unknown { line: self.line, of: self.of, field: clip(field) }),
        }
    }
}

fn clip(text: String) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
