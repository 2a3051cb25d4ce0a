//! Lists that are nearly always empty, and are copied with each run that a search takes up in the middle.

/// `mine` becomes equal to `other`, keeping its memory. Where both are empty that is all that is found out.
#[inline(always)]
pub fn copy_list<T: Clone>(mine: &mut Vec<T>, other: &Vec<T>) {
    if !(mine.is_empty() && other.is_empty()) {
        mine.clone_from(other);
    }
}
