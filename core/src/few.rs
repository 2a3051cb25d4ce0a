//! A short list that lives inline, and on the heap only when it outgrows that.
//!
//! Ids are made with every message. A general small vector copies by length through `memcpy`; this one copies its
//! whole inline part as one block of fixed size, and looks at its heap part only when it is in use.

/// A list of up to `N` items inline, of any length on the heap.
#[derive(Debug)]
pub(crate) struct Few<T, const N: usize> {
    len: u32,
    /// The items while they fit.
    inline: [T; N],
    /// All items once they do not fit; otherwise its content means nothing, and its memory is kept.
    heap: Vec<T>,
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { len: 0, inline: [T::default(); N], heap: Vec::new() }
    }

    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        let len = self.len as usize;
        if len <= N { &self.inline[..len] } else { &self.heap }
    }

    /// Becomes `other` with one more item, keeping its own heap memory.
    #[inline(always)]
    pub(crate) fn become_pushed(&mut self, other: &Self, item: T) {
        self.inline = other.inline;
        self.len = other.len + 1;
        match self.inline.get_mut(other.len as usize) {
            Some(slot) => *slot = item,
            None => {
                self.spill(other);
                self.heap.push(item);
            }
        }
    }

    /// Becomes equal to `other`, keeping its own heap memory.
    #[inline(always)]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.inline = other.inline;
        self.len = other.len;
        if other.len as usize > N {
            self.spill(other);
        }
    }

    #[cold]
    fn spill(&mut self, other: &Self) {
        self.heap.clear();
        self.heap.extend_from_slice(other.as_slice());
    }
}

impl<T: Copy + Default, const N: usize> Clone for Few<T, N> {
    #[inline]
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        copy.copy_from(self);
        copy
    }
}

impl<T: Copy + Default + PartialEq, const N: usize> PartialEq for Few<T, N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Copy + Default + Eq, const N: usize> Eq for Few<T, N> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_list_inline_and_on_the_heap() {
        let mut few: Few<u32, 3> = Few::new();
        let mut list = Vec::new();
        for item in 0..7 {
            let mut longer = Few::new();
            longer.become_pushed(&few, item);
            few.copy_from(&longer);
            list.push(item);
            assert_eq!((few.as_slice(), longer.as_slice()), (list.as_slice(), list.as_slice()));
            assert_eq!((few.len() as usize, few.clone()), (list.len(), longer));
        }
        let memory = few.heap.capacity();
        few.copy_from(&Few::new());
        assert_eq!((few.as_slice(), few.heap.capacity()), ([].as_slice(), memory), "its memory is kept");
    }
}
