//! What those who take part in a real run do, whoever carries their loads: the code that all contenders have in common.
//!
//! There are two plays. In the *pair*, A asks and B echoes, one load at a time; A looks at the clock before it asks and
//! when it hears, so a trip is one way there and one way back, with all that lies between. In the *crowd*, each of four
//! says a round of loads to each of the others as soon as it has heard all but the last few rounds of theirs: so many are
//! under way that nobody has to wait for a single one, and never so many that a bounded queue could be full.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::load::Load;

/// How many are in a crowd.
pub const MEMBERS: u32 = 4;
/// How many loads a member says to each other in a round.
const EACH: u64 = 8;
/// How many loads a member hears of a round.
const ROUND: u64 = EACH * (MEMBERS as u64 - 1);
/// How many rounds a member is ahead of what it has heard.
const AHEAD: u64 = 8;
/// How many trips of a pair are not counted, at the beginning of each run.
const WARM: u64 = 200;
/// Nobody plays for so long.
const PATIENCE: Duration = Duration::from_secs(60);

// Three that are ahead of one that sleeps get three times as far ahead of it as of each other.
const _: () = assert!(3 * AHEAD * ROUND < 1024, "no queue of raddle's default size is ever full");
const _: () = assert!(MEMBERS as u64 * AHEAD * ROUND < 1024, "and neither is that of its coordinator");

/// One of those who take part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum Part {
    /// Sends back what it hears.
    #[default]
    Echo,
    /// Asks, and times the answer.
    Asker(Asker),
    /// Says much to many.
    Member(Member),
}

/// A of the pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asker {
    left: u64,
    #[serde(skip)]
    asked: Option<Instant>,
    /// In nanoseconds.
    trips: Vec<u64>,
}

/// One of the crowd.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    me: u32,
    /// Rounds in all.
    rounds: u64,
    /// Rounds said.
    said: u64,
    /// Loads heard.
    heard: u64,
}

/// Who plays the pair, for so many trips that count.
pub fn pair(trips: u64) -> Vec<Part> {
    vec![Part::Asker(Asker { left: trips + WARM, asked: None, trips: Vec::new() }), Part::Echo]
}

/// Who plays the crowd, for so many rounds.
pub fn crowd(rounds: u64) -> Vec<Part> {
    (0..MEMBERS).map(|me| Part::Member(Member { me, rounds, said: 0, heard: 0 })).collect()
}

impl Part {
    /// Begins, or goes on when [`Part::hear`] says so.
    pub fn speak(&mut self, mut say: impl FnMut(Load)) {
        match self {
            Part::Echo => {}
            Part::Asker(asker) => {
                asker.asked = Some(Instant::now());
                say(Load::new(0, 1, asker.left));
            }
            Part::Member(member) => {
                while member.may_speak() {
                    member.say_round(&mut say);
                }
            }
        }
    }

    /// Hears a load. Whether it has more to say than what it answers at once.
    pub fn hear(&mut self, load: Load, mut say: impl FnMut(Load)) -> bool {
        match self {
            Part::Echo => {
                say(load.back());
                false
            }
            Part::Asker(asker) => {
                asker.time();
                asker.left > 0
            }
            Part::Member(member) => {
                assert_eq!(load.to, member.me, "it came to whom it was for");
                member.heard += 1;
                member.may_speak()
            }
        }
    }

    /// Whether it has said and heard all that it is to. An echo never knows.
    pub fn is_done(&self) -> bool {
        match self {
            Part::Echo => false,
            Part::Asker(asker) => asker.left == 0,
            Part::Member(member) => member.said == member.rounds && member.heard == member.rounds * ROUND,
        }
    }

    /// Whether it ever knows.
    pub const fn ends(&self) -> bool {
        !matches!(self, Part::Echo)
    }

    /// How many of these ever know.
    pub fn count_ends(parts: &[Part]) -> usize {
        parts.iter().filter(|part| part.ends()).count()
    }
}

impl Asker {
    fn time(&mut self) {
        let asked = self.asked.take().expect("it is answered once, and asked before");
        self.left -= 1;
        self.trips.push(nanos(asked.elapsed()));
    }
}

impl Member {
    fn may_speak(&self) -> bool {
        self.said < self.rounds && self.heard + AHEAD * ROUND >= (self.said + 1) * ROUND
    }

    fn say_round(&mut self, say: &mut impl FnMut(Load)) {
        for number in 0..EACH {
            let others = (1..MEMBERS).map(|step| (self.me + step) % MEMBERS);
            others.for_each(|other| say(Load::new(self.me, other, self.said * EACH + number)));
        }
        self.said += 1;
    }
}

/// How a play ended.
#[derive(Debug)]
pub struct Ended {
    /// Those who know that it did, as they were then, in any order.
    pub parts: Vec<Part>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Ended {
    /// Waits until all who know that it has ended have said so, of so many.
    ///
    /// # Errors
    /// When somebody does not say so.
    pub fn wait_for(many: usize, start: Instant, said: &Receiver<Part>) -> Result<Ended> {
        let parts = (0..many).map(|_| said.recv_timeout(PATIENCE)).collect::<Result<_, _>>();
        Ok(Ended { parts: parts.context("failed to play to the end")?, elapsed: start.elapsed() })
    }

    /// The median and the 99th percentile of the trips, in nanoseconds.
    ///
    /// # Errors
    /// When it was no pair, or not played to its end.
    pub fn trip(self) -> Result<Vec<f64>> {
        let asker = self.parts.into_iter().find_map(|part| match part {
            Part::Asker(asker) if asker.left == 0 => Some(asker),
            _ => None,
        });
        trip(asker.context("failed to find a pair that was played to its end")?.trips)
    }

    /// Loads a second.
    ///
    /// # Errors
    /// When it was no crowd, or not played to its end.
    pub fn rate(self) -> Result<Vec<f64>> {
        let heard = |part: &Part| match part {
            Part::Member(member) if part.is_done() => Some(member.heard),
            _ => None,
        };
        let heard: Option<u64> = self.parts.iter().map(heard).sum();
        let heard = heard.filter(|_| self.parts.len() == MEMBERS as usize);
        let heard = heard.context("failed to find a crowd that was played to its end")?;
        Ok(vec![heard as f64 / self.elapsed.as_secs_f64()])
    }
}

/// The median and the 99th percentile of trips in the order in which they were made, in nanoseconds; the first do not
/// count.
///
/// # Errors
/// When there are none that count.
pub fn trip(mut trips: Vec<u64>) -> Result<Vec<f64>> {
    let counted = trips.get_mut(WARM as usize..).filter(|trips| !trips.is_empty());
    let counted = counted.context("failed to find trips that count")?;
    counted.sort_unstable();
    let percentile = |percent: usize| counted[(counted.len() * percent / 100).min(counted.len() - 1)] as f64;
    Ok(vec![percentile(50), percentile(99)])
}

/// How many trips there are, with those that do not count.
pub const fn all_trips(trips: u64) -> u64 {
    trips + WARM
}

/// How many loads a crowd says in so many rounds.
pub const fn loads_of(rounds: u64) -> u64 {
    MEMBERS as u64 * ROUND * rounds
}

/// How a crowd plays so many rounds, as words for a program that plays it too: how many there are, rounds, how many loads
/// each says to each other in a round, and how many rounds it is ahead.
pub fn crowd_words(rounds: u64) -> [String; 4] {
    [MEMBERS.into(), rounds, EACH, AHEAD].map(|number: u64| number.to_string())
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("nothing here takes centuries")
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Plays in one thread; the most loads that were ever under way.
    fn play(parts: &mut [Part]) -> usize {
        let (mut under_way, mut most) = (VecDeque::new(), 0);
        parts.iter_mut().for_each(|part| part.speak(|load| under_way.push_back(load)));
        while let Some(load) = under_way.pop_front() {
            most = most.max(under_way.len());
            let part = &mut parts[load.to as usize];
            if part.hear(load, |load| under_way.push_back(load)) {
                part.speak(|load| under_way.push_back(load));
            }
        }
        most
    }

    #[test]
    fn a_pair_has_one_load_under_way() {
        let mut parts = pair(5);
        assert_eq!(play(&mut parts), 0);
        assert!(parts[0].is_done() && !parts[1].ends());
        let trip = Ended { parts, elapsed: Duration::ZERO }.trip().expect("it was played");
        assert!(trip[0] <= trip[1]);
    }

    #[test]
    fn a_crowd_hears_all_and_never_has_too_much_under_way() {
        let mut parts = crowd(100);
        assert!(play(&mut parts) < (u64::from(MEMBERS) * AHEAD * ROUND) as usize);
        assert!(parts.iter().all(Part::is_done));
        let rate = Ended { parts, elapsed: Duration::from_secs(2) }.rate().expect("it was played");
        assert_eq!(rate, [loads_of(100) as f64 / 2.0]);
    }

    #[test]
    fn what_was_not_played_to_its_end_has_no_figures() {
        assert!(Ended { parts: crowd(1), elapsed: Duration::ZERO }.rate().is_err());
        assert!(Ended { parts: pair(1), elapsed: Duration::ZERO }.trip().is_err());
        assert!(trip(vec![1; WARM as usize]).is_err());
    }
}
