//! The portfolio: a strategy for each seed, so that no kind of bug is hopeless. The default.
//!
//! Seed n is run by the member at n modulo 16 of a fixed table, and by that member alone: with the same seed it gives the
//! same run when it is asked for by name.
//!
//! No sampler is best everywhere, as `sim/tests/depths.rs` shows. Two chains that must alternate several times: random
//! walk and uniform sampling find that in tens of runs, PCT and PCTCP not in thousands beyond depth 3. Messages with a
//! long way that must overtake others at several workers: PCT and PCTCP in tens of runs, least depth first, random walk
//! never. POS and BasicPOS are the middle road. So half of the seeds go to each side, each depth from 1 to 5 has a
//! share, and every eight seeds in a row see both.

use std::ops::Range;
use std::sync::Arc;

use super::{BugDepth, Strategy, StrategyKind};
use crate::actions::Actions;
use crate::pilot::Pilot;

const fn pct(depth: u8) -> StrategyKind {
    StrategyKind::Pct(BugDepth::new(depth).expect("a depth from 1 to 16"))
}

const fn pctcp(depth: u8) -> StrategyKind {
    StrategyKind::Pctcp(BugDepth::new(depth).expect("a depth from 1 to 16"))
}

/// The members in the order of seeds; the shares are weights.
const MEMBERS: [StrategyKind; 16] = [
    pctcp(2),
    StrategyKind::Random,
    StrategyKind::BasicPos,
    pct(2),
    StrategyKind::Uniform,
    pctcp(3),
    StrategyKind::Pos,
    pct(3),
    StrategyKind::Random,
    pctcp(1),
    StrategyKind::BasicPos,
    pct(4),
    StrategyKind::Uniform,
    pctcp(4),
    StrategyKind::Pos,
    pctcp(5),
];

/// One strategy for each seed.
pub struct Portfolio {
    /// Each member once.
    members: Vec<(StrategyKind, Box<dyn Strategy>)>,
    /// Of the table, the place of each among these.
    places: [usize; MEMBERS.len()],
    current: usize,
}

impl Portfolio {
    /// All members, with estimates from this pilot.
    #[must_use]
    pub fn new(pilot: &Arc<Pilot>) -> Self {
        let mut members: Vec<(StrategyKind, Box<dyn Strategy>)> = Vec::new();
        let places = MEMBERS.map(|kind| {
            members.iter().position(|member| member.0 == kind).unwrap_or_else(|| {
                members.push((kind, kind.make_faultless(pilot)));
                members.len() - 1
            })
        });
        Self { members, places, current: 0 }
    }

    /// The strategy that runs a seed.
    #[must_use]
    pub const fn member(seed: u64) -> StrategyKind {
        MEMBERS[Self::at(seed)]
    }

    /// How many of these seeds each entry of the table runs; a member with several entries comes several times.
    pub(crate) fn shares(seeds: &[Range<u64>]) -> impl Iterator<Item = (StrategyKind, u64)> {
        let of = MEMBERS.len() as u64;
        MEMBERS.into_iter().zip(0..).map(move |(member, at)| {
            // Of the seeds below this one.
            let below = |end: u64| end / of + u64::from(end % of > at);
            (member, seeds.iter().map(|seeds| below(seeds.end).saturating_sub(below(seeds.start))).sum())
        })
    }

    const fn at(seed: u64) -> usize {
        (seed % MEMBERS.len() as u64) as usize
    }
}

impl Strategy for Portfolio {
    fn begin(&mut self, seed: u64) {
        self.current = self.places[Self::at(seed)];
        self.members[self.current].1.begin(seed);
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.members[self.current].1.choose(actions)
    }
}
