//! Delta debugging: the fewest items with which something still happens.
//!
//! Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE 2002, section 3. We only ever take
//! parts away, from the last to the first, in blocks of half the size each time; that a part alone suffices is found a
//! few blocks later. In the end no single item can be taken away.

/// Takes items away as long as `still` says that it still happens; none if it does not want to go on.
pub(crate) fn ddmin<T: Clone>(mut items: Vec<T>, mut still: impl FnMut(&[T]) -> Option<bool>) -> Option<Vec<T>> {
    if items.is_empty() || still(&[])? {
        return Some(Vec::new());
    }
    let mut block = items.len().div_ceil(2);
    loop {
        let mut shorter = false;
        let mut end = items.len();
        while end > 0 && items.len() > 1 {
            let begin = end.saturating_sub(block);
            let rest: Vec<T> = items[..begin].iter().chain(&items[end..]).cloned().collect();
            if still(&rest)? {
                items = rest;
                shorter = true;
            }
            end = begin;
        }
        match block {
            1 if !shorter => return Some(items),
            _ => block = block.div_ceil(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_may_be_told_to_stop() {
        let mut left = 3;
        let stopped = ddmin((0..100).collect(), |_: &[i32]| {
            left -= 1;
            (left > 0).then_some(false)
        });
        assert_eq!(stopped, None);
    }

    proptest! {
        #[test]
        fn what_is_needed_is_what_is_left(needed in proptest::collection::btree_set(0..60_u32, 0..6)) {
            let still = |items: &[u32]| Some(needed.iter().all(|item| items.contains(item)));
            prop_assert_eq!(ddmin((0..60).collect(), still), Some(needed.iter().copied().collect::<Vec<_>>()));
        }

        #[test]
        fn no_single_item_can_be_taken_away(sums in proptest::collection::vec(0..9_u32, 1..20)) {
            let total: u32 = sums.iter().sum();
            let still = |items: &[u32]| Some(items.iter().sum::<u32>() * 2 > total);
            let left = ddmin(sums, still).expect("nobody stops it");
            for at in 0..left.len() {
                let mut fewer = left.clone();
                fewer.remove(at);
                prop_assert!(still(&fewer) == Some(false) || left.is_empty());
            }
        }
    }
}
