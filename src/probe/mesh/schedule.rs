//! When each way is measured, so that no interface carries more than [`BUDGET_BPS`] of probing, both directions counted.
//!
//! Nodes take turns as in a tournament: in each turn a node measures its ways to one other node and is measured by one
//! other. All networks are taken to share one interface, as VLANs on a bond do. A turn lasts as long as its traffic needs at
//! the budget.

use std::time::Duration;

/// Most traffic that probing may put on an interface, both directions together: 1 Mbit/s, less a tenth for what is not
/// reckoned, such as ARP.
pub const BUDGET_BPS: u64 = 900_000;

/// Packets that measure loss and round trip.
pub const PACKETS: u64 = 10;

/// Time between two of them, for an account that may ask for it.
#[cfg(test)]
pub const PACKET_INTERVAL: Duration = Duration::from_millis(50);

/// One of those packets, with its IP header.
pub const PACKET_BYTES: u64 = 84;

/// What Ethernet adds to a packet: preamble, header, check sequence, gap.
pub const ETHERNET_BYTES: u64 = 38;

/// A connection that is opened and closed at once, both directions, with what a talkative server says meanwhile.
pub const CONNECTION_BYTES: u64 = 1_200;

/// Shortest turn.
const SHORTEST_TURN: Duration = Duration::from_millis(20);

/// Longest time over which starts are spread. What would start later is not measured.
pub const LONGEST: Duration = Duration::from_secs(120);

/// Sizes that are tried on a way of that MTU, the largest first.
pub fn sizes(mtu: u64, v6: bool) -> Vec<u64> {
    let least = if v6 { 1280 } else { 576 };
    let mut all = vec![mtu];
    all.extend([1500, 1400, 1280, 576].into_iter().filter(|size| *size < mtu && *size >= least));
    all
}

/// What measuring one way puts on an interface at either end, whatever comes of it: each packet with its answer; then one of
/// full size with its answer, or two of full size without; then one of each smaller size without, the last with its answer.
pub fn way_bytes(sizes: &[u64]) -> u64 {
    let packets = PACKETS * 2 * (PACKET_BYTES + ETHERNET_BYTES);
    let full = sizes.first().map_or(0, |size| 2 * (size + ETHERNET_BYTES));
    let smaller: u64 = sizes.iter().skip(1).map(|size| size + ETHERNET_BYTES).sum();
    let last = if sizes.len() > 1 { sizes.last().map_or(0, |size| size + ETHERNET_BYTES) } else { 0 };
    packets + full + smaller + last
}

/// How long so many bytes take at the budget.
pub fn time_for(bytes: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(8_000_000).div_ceil(BUDGET_BPS))
}

/// Start of each turn, by the most that any interface carries in it.
pub fn starts(turns: &[u64]) -> Vec<Duration> {
    let mut at = Duration::ZERO;
    turns
        .iter()
        .map(|bytes| {
            let start = at;
            at += time_for(*bytes).max(SHORTEST_TURN);
            start
        })
        .collect()
}

/// The turn, from 0, in which a node measures another, by their places among `nodes` of them.
pub fn turn(from: usize, to: usize, nodes: usize) -> usize {
    (to + nodes - from) % nodes.max(1) - usize::from(from != to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn in_each_turn_a_node_measures_one_and_is_measured_by_one() {
        for nodes in 2..70 {
            for turn_at in 0..nodes - 1 {
                let mut measured = vec![0; nodes];
                for from in 0..nodes {
                    let to: Vec<usize> =
                        (0..nodes).filter(|to| *to != from && turn(from, *to, nodes) == turn_at).collect();
                    assert_eq!(to.len(), 1);
                    measured[to[0]] += 1;
                }
                assert!(measured.iter().all(|times| *times == 1));
            }
        }
    }

    #[test]
    fn sizes_go_down_to_what_any_network_carries() {
        assert_eq!(sizes(9000, false), [9000, 1500, 1400, 1280, 576]);
        assert_eq!(sizes(1500, true), [1500, 1400, 1280]);
        assert_eq!(sizes(1280, true), [1280]);
        assert_eq!(sizes(65536, false).len(), 5);
    }

    /// What one measurement puts on an interface, in milliseconds after its start and bytes.
    fn trace(sizes: &[u64], answered: bool) -> Vec<(u64, u64)> {
        let step = u64::try_from(PACKET_INTERVAL.as_millis()).unwrap();
        let mut out: Vec<(u64, u64)> =
            (0..PACKETS).map(|at| (at * step, 2 * (PACKET_BYTES + ETHERNET_BYTES))).collect();
        let mut at = PACKETS * step;
        let full = sizes[0] + ETHERNET_BYTES;
        if answered {
            out.push((at, 2 * full));
            return out;
        }
        out.extend([(at, full), (at + 1000, full)]);
        at += 2000;
        for size in &sizes[1..] {
            let last = Some(size) == sizes.last();
            out.push((at, (size + ETHERNET_BYTES) * if last { 2 } else { 1 }));
            at += 1000;
        }
        out
    }

    /// The most bytes that any interface carries in any second, where node `i` starts `late[i]` ms after the first.
    fn peak(nodes: usize, networks: usize, mtu: u64, answered: bool, late: &[u64]) -> u64 {
        let sizes = sizes(mtu, false);
        let of_turn = 2 * networks as u64 * way_bytes(&sizes);
        let starts = starts(&vec![of_turn; nodes - 1]);
        let lasts = time_for(of_turn);
        let mut worst = 0;
        // All interfaces carry alike where all start together; else a few of them tell.
        let looked_at = if late.iter().all(|late| *late == 0) { 1 } else { nodes.min(6) };
        for node in 0..looked_at {
            let mut events: Vec<(u64, u64)> = Vec::new();
            for other in (0..nodes).filter(|other| *other != node) {
                for (from, to) in [(node, other), (other, node)] {
                    for network in 0..networks {
                        let within =
                            lasts * u32::try_from(network).unwrap() / u32::try_from(networks).unwrap();
                        let start = starts[turn(from, to, nodes)] + within;
                        let start = u64::try_from(start.as_millis()).unwrap() + late[from];
                        events.extend(trace(&sizes, answered).iter().map(|(at, bytes)| (start + at, *bytes)));
                    }
                }
            }
            events.sort_unstable();
            let (mut first, mut sum) = (0, 0);
            for last in 0..events.len() {
                sum += events[last].1;
                while events[last].0 - events[first].0 >= 1000 {
                    sum -= events[first].1;
                    first += 1;
                }
                worst = worst.max(sum);
            }
        }
        worst
    }

    const MBIT: u64 = 1_000_000 / 8;

    #[test]
    fn sixty_four_nodes_on_three_networks_stay_below_a_megabit_on_every_interface() {
        for mtu in [1500, 9000] {
            for answered in [true, false] {
                let carried = peak(64, 3, mtu, answered, &[0; 64]);
                assert!(carried <= MBIT, "{mtu} {answered}: {carried} bytes in one second");
                assert!(carried > MBIT / 8, "{carried}: the plan wastes time");
            }
        }
        let turns = vec![2 * 3 * way_bytes(&sizes(1500, false)); 63];
        assert!(*starts(&turns).last().unwrap() < Duration::from_secs(45));
        let turns = vec![2 * 3 * way_bytes(&sizes(9000, false)); 63];
        assert!(*starts(&turns).last().unwrap() < LONGEST);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_cluster_stays_below_a_megabit(nodes in 2usize..40, networks in 1usize..5, jumbo: bool, answered: bool) {
            let mtu = if jumbo { 9000 } else { 1500 };
            prop_assert!(peak(nodes, networks, mtu, answered, &vec![0; nodes]) <= MBIT);
        }

        #[test]
        fn nodes_that_start_apart_stay_below_a_megabit_in_each_direction(
            late in proptest::collection::vec(0u64..1500, 64), answered: bool,
        ) {
            // Of what an interface carries, half goes in and half goes out.
            prop_assert!(peak(64, 3, 1500, answered, &late) / 2 <= MBIT);
        }
    }
}
