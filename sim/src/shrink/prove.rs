//! Proving: doing every simpler run.
//!
//! All runs with no deviation from the default order, for every part of the workload, then all with one, and so on: a
//! delay-bounded enumeration (Emmi, Qadeer and Rakamaric, "Delay-Bounded Scheduling", POPL 2011) that counts deviations
//! where they count delays. A run with one deviation more is a run with one choice behind its last deviation changed, so
//! each is done once. Parts of the workload with which a failure does not count are left out. Where one fails in the same way and is simpler, it is the best from then on.

use raddle_core::StateMachine;

use super::case::{Case, Deviation, Script};
use super::trials::Trials;

/// With more messages there are too many parts of the workload.
const MESSAGES_MAX: usize = 12;

/// Whether every run simpler than `best` was done, so that it is the simplest there is.
pub(crate) fn prove<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case) -> bool {
    if best.left_out.len() > MESSAGES_MAX {
        return false;
    }
    let parts = parts(best.left_out.len());
    let mut runs: Vec<(usize, Vec<Deviation>)> = (0..parts.len()).map(|part| (part, Vec::new())).collect();
    for deviations in 0.. {
        let (mut next, mut next_steps) = (Vec::new(), 0_u64);
        let mut too_many = false;
        for (part, script) in runs {
            let left_out = &parts[part];
            if deviations == best.deviations.len() && messages(left_out) > best.messages() {
                continue;
            }
            match trials.counts(left_out) {
                Some(true) => {}
                Some(false) => continue,
                None => return false,
            }
            if trials.attempt(&mut Script::new(&script), left_out, best).is_none() {
                return false;
            }
            let more = deviations + 1;
            if too_many || best.deviations.len() < more {
                continue;
            }
            if best.deviations.len() == more && messages(left_out) > best.messages() {
                continue;
            }
            let course = trials.course();
            for (place, options) in course.choices_after(script.last().map(|last| last.place)) {
                next_steps += u64::from(options - 1) * (course.taken.len() as u64 + 1);
                too_many |= next_steps > trials.left();
                if too_many {
                    break;
                }
                let with = |value| [script.as_slice(), &[Deviation { place, value }]].concat();
                next.extend((1..options).map(|value| (part, with(value))));
            }
        }
        if best.deviations.len() <= deviations {
            return true;
        }
        if too_many {
            return false;
        }
        runs = next;
    }
    unreachable!("the best has so many deviations and no more")
}

fn messages(left_out: &[bool]) -> usize {
    left_out.iter().filter(|out| !**out).count()
}

/// All parts of a workload, as what is left out, the smallest first.
fn parts(messages: usize) -> Vec<Vec<bool>> {
    let part = |mask: u32| (0..messages).map(|at| mask >> at & 1 == 0).collect();
    let mut parts: Vec<Vec<bool>> = (0..1 << messages).map(part).collect();
    parts.sort_by(|a, b| self::messages(a).cmp(&self::messages(b)).then_with(|| a.cmp(b)));
    parts
}
