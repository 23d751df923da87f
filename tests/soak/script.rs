//! What a seed means: the plan of a run, the storm on its wire, and how it ends.

use quorate::conformance::plan::{Mode, StepId};
use quorate::simtarget::chaos::Chaos;
use std::time::Duration;

/// What a panic says that was ordered.
pub const ORDERED: &str = "told to panic";

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn step(&mut self) -> u8 {
        u8::try_from(1 + self.below(40)).expect("small")
    }
}

/// When the wire is in chaos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weather {
    /// From the first connection on.
    Always,
    /// From the beginning of this step on.
    From(u8),
    /// From the beginning of every step with this remainder, until the end of it.
    Some(u8),
    /// When the steps are over: while the run undoes itself.
    AtTheEnd,
}

/// How a run ends before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    Never,
    /// It is asked to end at this step.
    Interrupt(u8),
    /// It panics at this step.
    Panic(u8),
}

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Script {
    pub seed: u64,
    pub mode: Mode,
    pub only: Option<Vec<StepId>>,
    pub portals: usize,
    pub lun_reset: bool,
    pub fill_table: bool,
    pub poll: Duration,
    pub command_timeout: Duration,
    pub weather: Weather,
    pub chaos: Chaos,
    pub cut: Cut,
    /// Cleanups that are tried before the wire is calm again.
    pub cleanups: u64,
    /// The last cleanup goes by the marks instead of the run file, where no block was written.
    pub by_marks: bool,
}

impl Script {
    /// The run of a seed.
    pub fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let mode = [Mode::Inspect, Mode::Pr, Mode::Pr, Mode::Pr, Mode::PrWrite, Mode::PrWrite, Mode::PrWrite]
            [usize::try_from(dice.below(7)).expect("small")];
        let only = dice.percent(50).then(|| {
            let mut steps: Vec<StepId> = (0..=dice.below(6)).map(|_| StepId::new(dice.step())).collect();
            steps.sort_unstable();
            steps.dedup();
            steps
        });
        let weather = match dice.below(10) {
            0..2 => Weather::Always,
            2..6 => Weather::From(only.as_ref().map_or_else(|| dice.step(), |only| only[0].number())),
            6..8 => Weather::Some(u8::try_from(dice.below(5)).expect("small")),
            _ => Weather::AtTheEnd,
        };
        let command_timeout =
            Duration::from_millis([60, 150, 400][usize::try_from(dice.below(3)).expect("small")]);
        Self {
            seed,
            mode,
            only,
            portals: if dice.percent(70) { 2 } else { 1 },
            lun_reset: dice.percent(70),
            fill_table: dice.percent(30),
            poll: Duration::from_millis(1 + dice.below(5)),
            command_timeout,
            chaos: storm(dice, seed, &weather, command_timeout),
            weather,
            cut: match dice.below(20) {
                0 => Cut::Interrupt(dice.step()),
                1 => Cut::Panic(dice.step()),
                _ => Cut::Never,
            },
            cleanups: if dice.percent(50) { dice.below(4) } else { 0 },
            by_marks: dice.percent(30),
        }
    }
}

/// A storm: of all kinds of mishaps or of one, from a breeze of one PDU in 5,000 to one in 20.
fn storm(dice: &mut Dice, seed: u64, weather: &Weather, command_timeout: Duration) -> Chaos {
    let strengths: &[u16] =
        if *weather == Weather::Always { &[1, 2, 4, 10, 40] } else { &[1, 2, 4, 10, 20, 40, 100, 500] };
    let strength = strengths[usize::try_from(dice.below(strengths.len() as u64)).expect("small")];
    let kind = dice.below(14);
    // Above 6 all kinds at once, otherwise one alone.
    let chance = |number: u64| {
        if kind > 6 {
            strength.div_ceil(2)
        } else if kind == number {
            strength
        } else {
            0
        }
    };
    let (close, delay, duplicate, truncate, reorder) =
        (chance(0), chance(1), chance(2), chance(3), chance(4));
    let (lose, postpone) = (chance(5), chance(6));
    // Some delays outlast the command.
    let longest_delay =
        if dice.percent(25) { command_timeout * 2 } else { Duration::from_millis(1 + dice.below(10)) };
    Chaos { seed, close, delay, duplicate, truncate, reorder, lose, postpone, longest_delay }
}
