//! A partition of a growing partial order into chains, online.
//!
//! Agarwal and Garg, "Efficient Dependency Tracking for Relevant Events in Shared-Memory Systems" (PODC'05), as PCTCP
//! uses it: sets B_1, B_2, ... where B_i holds i chains, some of them empty yet. A new element goes to the first chain
//! whose last element precedes it; if that is in B_i with i > 1, the others of B_i change places with B_(i-1), so that
//! the last elements of each set never precede one another. An order of width w is cut into at most w(w+1)/2 chains.
//!
//! We differ in one point: the first empty chain is taken only where no other fits, so that two chains stay two chains.
//! The proof of the bound is the same: a set is begun only when all chains have elements and none fits.
//!
//! Whether one element precedes another is told by chain clocks (the same paper): for each chain, how many of its
//! elements precede.

/// An element, by its place in the order of coming.
pub(super) type Element = u32;
/// A chain, by its place in the order of beginning.
pub(super) type Chain = u32;

/// A chain slot that nothing was put in yet.
const EMPTY: Chain = Chain::MAX;
/// Clocks are as long as a multiple of this, and compared so many entries at a time.
const BLOCK: usize = 8;
/// A chain of more elements than these cannot be counted in a clock.
pub(super) const LENGTH_MAX: u64 = i16::MAX as u64;
/// No more chains than these are extended, so that clocks stay short: an element that would begin another one is a
/// chain by itself, and the bound on their number holds no longer.
const CHAINS_MAX: usize = 256;
/// Room for these in B_1, B_2, ..., and for the empty ones of the last.
const PLACES_MAX: usize = CHAINS_MAX + 64;

/// By place: in which of B_1, B_2, ... it is.
const SETS: [u8; PLACES_MAX] = {
    let (mut sets, mut place, mut set) = ([0; PLACES_MAX], 0, 1);
    while place < PLACES_MAX {
        if place >= set * (set + 1) / 2 {
            set += 1;
        }
        sets[place] = set as u8;
        place += 1;
    }
    sets
};

/// A bit for each entry in which two blocks are equal. The bytes 0 and 1 are gathered into bits by one product.
#[inline(always)]
fn equal(one: &[i16; BLOCK], other: &[i16; BLOCK]) -> u64 {
    let bytes: [u8; BLOCK] = std::array::from_fn(|at| u8::from(one[at] == other[at]));
    u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The chains of the elements so far.
#[derive(Debug)]
pub(super) struct Chains {
    elements: Element,
    /// B_1, then the two of B_2, and so on.
    sets: Vec<Chain>,
    /// Where each chain stands in these.
    places: Vec<u32>,
    /// How many elements each chain has; -1 for those that are no chains yet, so that nothing equals it.
    lengths: Vec<i16>,
    /// The clocks of all elements, each of `width` entries. Signed and short, as those are compared fastest everywhere.
    clocks: Vec<i16>,
    width: usize,
    /// How many elements are chains by themselves.
    single: u32,
}

impl Default for Chains {
    fn default() -> Self {
        let (sets, places, lengths, clocks) = (Vec::new(), Vec::new(), vec![-1; BLOCK], Vec::new());
        Self { elements: 0, sets, places, lengths, clocks, width: BLOCK, single: 0 }
    }
}

impl Chains {
    /// No elements; the memory is kept.
    pub(super) fn clear(&mut self) {
        (self.elements, self.single) = (0, 0);
        self.sets.clear();
        self.places.clear();
        self.clocks.clear();
        self.lengths.fill(-1);
    }

    /// Adds an element that comes after these, and after all that precedes them. Gives it and its chain.
    #[inline]
    pub(super) fn add(&mut self, after: [Option<Element>; 2]) -> (Element, Chain) {
        let start = self.clocks.len();
        let of = |element: Element| element as usize * self.width;
        match after {
            [None, None] => self.clocks.resize(start + self.width, 0),
            [Some(one), None] | [None, Some(one)] => self.clocks.extend_from_within(of(one)..of(one) + self.width),
            [Some(one), Some(two)] => {
                let two = of(two);
                self.clocks.extend_from_within(of(one)..of(one) + self.width);
                let (known, new) = self.clocks.split_at_mut(start);
                let blocks = new.as_chunks_mut::<BLOCK>().0.iter_mut().zip(known[two..].as_chunks::<BLOCK>().0);
                for (mine, theirs) in blocks {
                    *mine = std::array::from_fn(|at| mine[at].max(theirs[at]));
                }
            }
        }
        let element = self.elements;
        self.elements += 1;
        let chain = match self.fitting(start) {
            Some(place) => self.extend(place) as usize,
            None if self.places.len() < CHAINS_MAX => {
                let place = self.first_empty();
                self.extend(place) as usize
            }
            None => {
                self.single += 1;
                return (element, CHAINS_MAX as Chain + self.single - 1);
            }
        };
        if chain >= self.width {
            self.widen();
        }
        self.lengths[chain] = self.lengths[chain].max(0) + 1;
        self.clocks[element as usize * self.width + chain] = self.lengths[chain];
        (element, chain as Chain)
    }

    /// The chain at this place gets one more element.
    #[inline]
    fn extend(&mut self, place: usize) -> Chain {
        // Of B_1, B_2, ... the one it is in, and where that begins.
        let size = SETS[place] as usize;
        let first = size * (size - 1) / 2;
        if self.sets[place] == EMPTY {
            self.sets[place] = self.places.len() as Chain;
            self.places.push(0);
        }
        let chain = self.sets[place];
        // It goes to the end of its set, the others of which change places with the set before.
        self.sets.swap(place, first + size - 1);
        for at in first..first + size - 1 {
            self.sets.swap(at, at + 1 - size);
        }
        for at in (first + 1).saturating_sub(size)..first + size {
            if let Some(place) = self.places.get_mut(self.sets[at] as usize) {
                *place = at as u32;
            }
        }
        chain
    }

    /// The place of the first chain whose last element precedes this one.
    #[inline]
    fn fitting(&self, start: usize) -> Option<usize> {
        let (clocks, lengths) = (self.clocks[start..].as_chunks::<BLOCK>().0, self.lengths.as_chunks::<BLOCK>().0);
        let mut best = u32::MAX;
        // A bit for each chain, 64 at a time.
        for (part, (clocks, lengths)) in clocks.chunks(8).zip(lengths.chunks(8)).enumerate() {
            let blocks = clocks.iter().zip(lengths).map(|(clock, lengths)| equal(clock, lengths));
            let mut fits = blocks.enumerate().fold(0, |bits, (at, equal)| bits | equal << (BLOCK * at));
            while fits != 0 {
                best = best.min(self.places[64 * part + fits.trailing_zeros() as usize]);
                fits &= fits - 1;
            }
        }
        (best != u32::MAX).then_some(best as usize)
    }

    /// The place of the first empty chain.
    fn first_empty(&mut self) -> usize {
        if let Some(place) = self.sets.iter().position(|chain| *chain == EMPTY) {
            return place;
        }
        let (place, size) = (self.sets.len(), SETS[self.sets.len()] as usize);
        self.sets.resize(place + size, EMPTY);
        place
    }

    /// Makes room for more chains in all clocks.
    #[cold]
    fn widen(&mut self) {
        let wide = 2 * self.width;
        let mut clocks = vec![0; self.elements as usize * wide];
        for (new, old) in clocks.chunks_exact_mut(wide).zip(self.clocks.chunks_exact(self.width)) {
            new[..self.width].copy_from_slice(old);
        }
        (self.clocks, self.width) = (clocks, wide);
        self.lengths.resize(wide, -1);
    }

    /// How many chains there are.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A program as PCTCP sees it: each message has a creator among the earlier ones or none, and a link whose
    /// messages keep their order.
    fn programs() -> impl Strategy<Value = Vec<[Option<Element>; 2]>> {
        vec((any::<prop::sample::Index>(), any::<bool>(), 0..8_usize), 1..40).prop_map(|messages| {
            let mut last = [None; 6];
            let message = |(at, (creator, is_root, link)): (usize, (prop::sample::Index, bool, usize))| {
                let creator = (at > 0 && !is_root).then(|| creator.index(at) as Element);
                // Links beyond the known ones keep no order.
                let before = last.get_mut(link).and_then(|last: &mut Option<Element>| last.replace(at as Element));
                [creator, before]
            };
            messages.into_iter().enumerate().map(message).collect()
        })
    }

    /// Which elements precede which, by transitive closure.
    fn closure(program: &[[Option<Element>; 2]]) -> Vec<Vec<bool>> {
        let mut before: Vec<Vec<bool>> = Vec::new();
        for after in program {
            let mut row = vec![false; program.len()];
            for direct in after.iter().flatten() {
                row[*direct as usize] = true;
                for (at, precedes) in before[*direct as usize].iter().enumerate() {
                    row[at] |= precedes;
                }
            }
            before.push(row);
        }
        before
    }

    /// The width, by Dilworth: elements less the greatest matching of elements with later ones.
    fn width(before: &[Vec<bool>]) -> usize {
        fn augment(of: usize, before: &[Vec<bool>], seen: &mut [bool], taken: &mut [Option<usize>]) -> bool {
            (0..before.len()).any(|other| {
                before[of][other] && !std::mem::replace(&mut seen[other], true) && {
                    let free = taken[other].is_none_or(|holder| augment(holder, before, seen, taken));
                    if free {
                        taken[other] = Some(of);
                    }
                    free
                }
            })
        }
        let n = before.len();
        let mut taken = vec![None; n];
        n - (0..n).filter(|of| augment(*of, before, &mut vec![false; n], &mut taken)).count()
    }

    proptest! {
        #[test]
        fn chains_are_chains_and_not_too_many(program in programs()) {
            let (before, mut chains) = (closure(&program), Chains::default());
            let mut members: Vec<Vec<usize>> = Vec::new();
            for (at, after) in program.iter().enumerate() {
                let (element, chain) = chains.add(*after);
                prop_assert_eq!(element as usize, at);
                members.resize(members.len().max(chain as usize + 1), Vec::new());
                members[chain as usize].push(at);
            }
            for chain in &members {
                prop_assert!(chain.windows(2).all(|pair| before[pair[1]][pair[0]]), "{chain:?} of {program:?}");
            }
            let w = width(&before);
            prop_assert!(chains.count() <= w * (w + 1) / 2, "{} chains, width {w}: {program:?}", chains.count());
        }
    }

    #[test]
    fn very_wide_orders_have_single_elements_too() {
        let mut chains = Chains::default();
        for element in 0..300 {
            assert_eq!(chains.add([None, None]), (element, element));
        }
        assert_eq!(chains.add([Some(0), None]), (300, 0), "the first goes on");
        assert_eq!(chains.add([Some(299), None]), (301, 300), "what is single does not");
        assert_eq!(chains.add([Some(299), Some(255)]), (302, 255));
    }

    #[test]
    fn the_width_of_known_orders() {
        let width_of = |program: &[[Option<Element>; 2]]| width(&closure(program));
        assert_eq!(width_of(&[[None, None], [Some(0), None], [Some(1), None]]), 1);
        assert_eq!(width_of(&[[None, None], [Some(0), None], [Some(0), None], [Some(1), Some(2)]]), 2);
        assert_eq!(width_of(&[[None, None]; 5]), 5);
    }
}
