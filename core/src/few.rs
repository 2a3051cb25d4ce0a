//! A short list that lives inline, and on the heap only when it outgrows that.
//!
//! Ids are made with every message. A general small vector copies by length through `memcpy`; this one copies its
//! whole inline part as one block of fixed size.

/// A list of up to `N` items inline, of any length on the heap.
#[derive(Debug, Clone)]
pub(crate) enum Few<T, const N: usize> {
    Inline(u8, [T; N]),
    Heap(Vec<T>),
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    #[inline]
    pub(crate) fn new() -> Self {
        const { assert!(N < u8::MAX as usize, "the length is a byte") };
        Self::Inline(0, [T::default(); N])
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::Inline(len, items) => &items[..usize::from(*len).min(N)],
            Self::Heap(items) => items,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        match self {
            Self::Inline(len, items) if usize::from(*len) < N => {
                items[usize::from(*len)] = item;
                *len += 1;
            }
            Self::Inline(_, items) => {
                let mut heap = Vec::with_capacity(N * 2);
                heap.extend_from_slice(items);
                heap.push(item);
                *self = Self::Heap(heap);
            }
            Self::Heap(items) => items.push(item),
        }
    }

    /// Becomes equal to `other`, keeping its own heap memory.
    #[inline]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        match (self, other) {
            // In place, not by way of a new value: that would be written and read again at once.
            (Self::Inline(my_len, mine), Self::Inline(len, items)) => {
                *my_len = *len;
                *mine = *items;
            }
            (Self::Heap(mine), other) => {
                mine.clear();
                mine.extend_from_slice(other.as_slice());
            }
            (mine, Self::Heap(items)) => *mine = Self::Heap(items.clone()),
        }
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    #[inline]
    fn default() -> Self {
        Self::new()
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
            few.push(item);
            list.push(item);
            assert_eq!(few.as_slice(), list);
        }
        assert!(matches!(few, Few::Heap(_)));
        let mut copy = Few::new();
        copy.copy_from(&few);
        assert_eq!((copy.as_slice(), &copy), (list.as_slice(), &few));
        copy.copy_from(&Few::new());
        assert_eq!(copy, Few::new());
        assert!(matches!(copy, Few::Heap(_)), "its memory is kept");
    }
}
