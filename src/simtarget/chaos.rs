//! Chaos: random misbehaviour of the wire, the same for the same seed.
//!
//! Always holds: the target itself stays whole; only what an initiator sees is closed, delayed, doubled, cut off or
//! numbered out of order.

use std::time::Duration;

use super::config::ConfigError;

/// Chances out of 10,000 PDUs sent, each rolled for every PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chaos {
    /// Start of the random sequence; each connection takes a sequence of its own from it, by the order of connecting.
    pub seed: u64,
    /// The connection is closed instead of sending.
    pub close: u16,
    /// Sending waits for up to [`Chaos::longest_delay`].
    pub delay: u16,
    /// The PDU is sent twice.
    pub duplicate: u16,
    /// The PDU is cut off at a random byte and the connection closed.
    pub truncate: u16,
    /// StatSN is exchanged with that of the next response.
    pub reorder: u16,
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
            longest_delay: Duration::from_millis(5),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let sum: u32 = [self.close, self.delay, self.duplicate, self.truncate, self.reorder]
            .into_iter()
            .map(u32::from)
            .sum();
        if sum > 10_000 {
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

/// The random sequence of one connection.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    chaos: Chaos,
    state: u64,
}

impl Dice {
    pub(super) fn new(chaos: Chaos, connection: u64) -> Self {
        Self { chaos, state: chaos.seed ^ connection.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    /// SplitMix64: small, seedable and good enough to roll dice with.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn roll(&mut self) -> Mishap {
        let roll = self.next() % 10_000;
        let extra = self.next();
        let mut bound = 0;
        let mut hit = |chance: u16| {
            bound += u64::from(chance);
            roll < bound
        };
        if hit(self.chaos.close) {
            Mishap::Close
        } else if hit(self.chaos.delay) {
            let most = u64::try_from(self.chaos.longest_delay.as_micros()).unwrap_or(u64::MAX - 1);
            Mishap::Delay(Duration::from_micros(extra % (most + 1)))
        } else if hit(self.chaos.duplicate) {
            Mishap::Duplicate
        } else if hit(self.chaos.truncate) {
            Mishap::Truncate((extra & 0xffff) as u16)
        } else if hit(self.chaos.reorder) {
            Mishap::Reorder
        } else {
            Mishap::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_mishaps_and_connections_differ() {
        let rolls = |seed, connection| {
            let mut dice = Dice::new(Chaos::with_seed(seed), connection);
            (0..2000).map(|_| dice.roll()).collect::<Vec<_>>()
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
    fn chances_over_certainty_are_refused() {
        let mut chaos = Chaos::with_seed(1);
        chaos.close = 10_000;
        assert!(chaos.validate().is_err());
        assert!(Chaos::with_seed(1).validate().is_ok());
    }
}
