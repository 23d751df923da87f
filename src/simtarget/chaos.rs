//! Chaos: random misbehaviour of the wire, the same for the same seed.
//!
//! Always holds: the target itself stays whole; only what an initiator sees is closed, delayed, doubled, cut off or
//! numbered out of order.

use std::time::Duration;

use super::config::ConfigError;

/// Chances out of 10,000 PDUs, each rolled for every PDU: the first five for those sent, the last two for requests in full
/// feature phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chaos {
    /// Start of the random sequence; each connection takes a sequence of its own from it, by the order of connecting.
    pub seed: u64,
    /// The connection is closed instead of sending: a request was carried out, and its answer is lost.
    pub close: u16,
    /// Sending waits for up to [`Chaos::longest_delay`].
    pub delay: u16,
    /// The PDU is sent twice.
    pub duplicate: u16,
    /// The PDU is cut off at a random byte and the connection closed.
    pub truncate: u16,
    /// StatSN is exchanged with that of the next response.
    pub reorder: u16,
    /// The connection is closed when a request has come: it is not carried out.
    pub lose: u16,
    /// A request waits for up to [`Chaos::longest_delay`] before it is carried out, when its sender may have given it up.
    pub postpone: u16,
    /// Upper bound of a delay.
    pub longest_delay: Duration,
}

impl Chaos {
    /// A mild storm: one PDU in 50 is hit by something.
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            close: 40,
            delay: 40,
            duplicate: 40,
            truncate: 40,
            reorder: 40,
            lose: 40,
            postpone: 40,
            longest_delay: Duration::from_millis(5),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let sum = |chances: &[u16]| chances.iter().copied().map(u32::from).sum::<u32>();
        let sent = sum(&[self.close, self.delay, self.duplicate, self.truncate, self.reorder]);
        if sent.max(sum(&[self.lose, self.postpone])) > 10_000 {
            return Err(ConfigError {
                place: "chaos".into(),
                problem: "the chances add up to more than 10,000".into(),
            });
        }
        Ok(())
    }
}

/// What happens to one PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Nothing.
    None,
    /// Close instead of sending.
    Close,
    /// Wait first.
    Delay(Duration),
    /// Send twice.
    Duplicate,
    /// Send a part in 65,536ths, then close.
    Truncate(u16),
    /// Take the next response's StatSN, and give that one ours.
    Reorder,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing.
    None,
    /// Close without carrying it out.
    Close,
    /// Wait first.
    Delay(Duration),
}

/// The random sequence of one direction of a connection.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    number: u64,
    /// The chaos that the sequence was begun for: another one begins another sequence.
    thrown: Option<(Chaos, u64)>,
}

impl Dice {
    /// The dice for what the connection with this number sends.
    pub(super) fn sending(connection: u64) -> Self {
        Self { number: connection.wrapping_mul(2), thrown: None }
    }

    /// The dice for what comes on the connection with this number.
    pub(super) fn receiving(connection: u64) -> Self {
        Self { number: connection.wrapping_mul(2).wrapping_add(1), thrown: None }
    }

    /// SplitMix64: small, seedable and good enough to roll dice with.
    fn next(&mut self, chaos: Chaos) -> u64 {
        let begun = chaos.seed ^ self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let last = self.thrown.filter(|(thrown, _)| *thrown == chaos).map_or(begun, |(_, state)| state);
        let state = last.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.thrown = Some((chaos, state));
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Rolls for a PDU to be sent.
    pub(super) fn roll(&mut self, chaos: Option<Chaos>) -> Mishap {
        let Some(chaos) = chaos else { return Mishap::None };
        let (roll, extra) = (self.next(chaos) % 10_000, self.next(chaos));
        let mut bound = 0;
        let mut hit = |chance: u16| {
            bound += u64::from(chance);
            roll < bound
        };
        if hit(chaos.close) {
            Mishap::Close
        } else if hit(chaos.delay) {
            Mishap::Delay(delay(chaos, extra))
        } else if hit(chaos.duplicate) {
            Mishap::Duplicate
        } else if hit(chaos.truncate) {
            Mishap::Truncate((extra & 0xffff) as u16)
        } else if hit(chaos.reorder) {
            Mishap::Reorder
        } else {
            Mishap::None
        }
    }

    /// Rolls for a request that has come.
    pub(super) fn roll_request(&mut self, chaos: Option<Chaos>) -> Loss {
        let Some(chaos) = chaos else { return Loss::None };
        let (roll, extra) = (self.next(chaos) % 10_000, self.next(chaos));
        if roll < u64::from(chaos.lose) {
            Loss::Close
        } else if roll < u64::from(chaos.lose) + u64::from(chaos.postpone) {
            Loss::Delay(delay(chaos, extra))
        } else {
            Loss::None
        }
    }
}

/// A delay of up to the longest.
fn delay(chaos: Chaos, random: u64) -> Duration {
    let most = u64::try_from(chaos.longest_delay.as_micros()).unwrap_or(u64::MAX - 1);
    Duration::from_micros(random % (most + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_mishaps_and_connections_differ() {
        let rolls = |seed, connection| {
            let mut dice = Dice::sending(connection);
            (0..2000).map(|_| dice.roll(Some(Chaos::with_seed(seed)))).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7, 1), rolls(7, 1));
        assert_ne!(rolls(7, 1), rolls(7, 2));
        assert_ne!(rolls(7, 1), rolls(8, 1));
        let hits = rolls(7, 1).iter().filter(|mishap| **mishap != Mishap::None).count();
        assert!((10..100).contains(&hits), "{hits} of 2000 hit, about 40 meant");
        for kind in ["Close", "Delay", "Duplicate", "Truncate", "Reorder"] {
            assert!(rolls(7, 1).iter().any(|mishap| format!("{mishap:?}").starts_with(kind)), "{kind}");
        }
    }

    #[test]
    fn requests_are_lost_and_postponed() {
        let mut dice = Dice::receiving(1);
        let rolls: Vec<Loss> = (0..5000).map(|_| dice.roll_request(Some(Chaos::with_seed(7)))).collect();
        let count = |want: fn(&Loss) -> bool| rolls.iter().filter(|loss| want(loss)).count();
        assert!((5..60).contains(&count(|loss| *loss == Loss::Close)));
        assert!((5..60).contains(&count(|loss| matches!(loss, Loss::Delay(_)))));
        assert_eq!(dice.roll_request(None), Loss::None);
    }

    #[test]
    fn switched_off_and_on_it_begins_anew() {
        let mut dice = Dice::sending(3);
        let chaos = Chaos::with_seed(9);
        let first: Vec<Mishap> = (0..500).map(|_| dice.roll(Some(chaos))).collect();
        assert!((0..500).all(|_| dice.roll(None) == Mishap::None));
        assert_ne!(
            dice.roll(Some(Chaos {
                close: 10_000,
                delay: 0,
                duplicate: 0,
                truncate: 0,
                reorder: 0,
                ..chaos
            })),
            Mishap::None
        );
        let again: Vec<Mishap> = (0..500).map(|_| dice.roll(Some(chaos))).collect();
        assert_eq!(first, again);
    }

    #[test]
    fn chances_over_certainty_are_refused() {
        let mut chaos = Chaos::with_seed(1);
        chaos.close = 10_000;
        assert!(chaos.validate().is_err());
        assert!(Chaos::with_seed(1).validate().is_ok());
    }
}
