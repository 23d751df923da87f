//! Elements compared with each other: groups, camps of equal values, the crowd within a tolerance.
//!
//! Only known values are compared. The majority is more than half; where there is none, nobody is odd and all differ.

use super::each::Position;
use crate::expr::Datum;
use std::collections::HashMap;
use std::fmt::Write as _;

/// An element whose value is known.
pub(super) struct Member<'a> {
    pub position: Position,
    /// What it is grouped by.
    pub group: Option<Datum<'a>>,
    pub value: Datum<'a>,
}

impl<'a> Member<'a> {
    /// The members of each group, in the order in which they first occur.
    pub(super) fn groups<'m>(members: &'m [Member<'a>]) -> Vec<Vec<&'m Member<'a>>> {
        if !members.is_empty() && members.iter().all(|member| member.group.is_none()) {
            return vec![members.iter().collect()];
        }
        parted(members.iter(), |member| &member.group)
    }
}

/// Parts things by a key, in the order in which keys first occur.
fn parted<'k, T: Copy, K: Eq + std::hash::Hash + 'k>(
    things: impl Iterator<Item = T>,
    key: impl Fn(T) -> &'k K,
) -> Vec<Vec<T>> {
    let mut at: HashMap<&K, usize> = HashMap::new();
    let mut parts: Vec<Vec<T>> = Vec::new();
    for thing in things {
        let next = parts.len();
        let part = *at.entry(key(thing)).or_insert(next);
        if part == next {
            parts.push(Vec::new());
        }
        parts[part].push(thing);
    }
    parts
}

/// Members with equal values, the largest camp first.
pub(super) struct Camps<'m, 'a>(Vec<Vec<&'m Member<'a>>>);

impl<'m, 'a> Camps<'m, 'a> {
    pub(super) fn of(group: &[&'m Member<'a>]) -> Self {
        let mut camps = parted(group.iter().copied(), |member| &member.value);
        camps.sort_by_key(|camp| std::cmp::Reverse(camp.len()));
        Camps(camps)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[&'m Member<'a>]> {
        self.0.iter().map(Vec::as_slice)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The camp that more than half are in.
    pub(super) fn majority(&self) -> Option<&[&'m Member<'a>]> {
        let all: usize = self.0.iter().map(Vec::len).sum();
        self.0.first().filter(|camp| camp.len() * 2 > all).map(Vec::as_slice)
    }
}

/// The largest set of members that lie within a tolerance of each other.
pub(super) struct Crowd<'m, 'a> {
    /// Its least and greatest.
    pub least: &'m Member<'a>,
    pub most: &'m Member<'a>,
    /// The least and greatest of all members.
    pub lowest: &'m Member<'a>,
    pub highest: &'m Member<'a>,
    /// How many are in it.
    pub size: usize,
    /// Whether it is more than half, and no other set is as large.
    pub is_majority: bool,
    /// For each member of the group, whether it is in it.
    pub inside: Vec<bool>,
}

/// The largest set of members that lie within `width` of each other. The group must not be empty.
pub(super) fn closest<'m, 'a>(group: &[&'m Member<'a>], width: i64) -> Crowd<'m, 'a> {
    let amount = |member: &Member<'a>| member.value.amount().unwrap_or(0);
    let mut order: Vec<usize> = (0..group.len()).collect();
    order.sort_by_key(|at| amount(group[*at]));
    let value = |at: usize| amount(group[order[at]]);
    let (mut best, mut ties, mut end) = (0..0, false, 0);
    for start in 0..order.len() {
        while end < order.len() && value(end).saturating_sub(value(start)) <= width.max(0) {
            end += 1;
        }
        // A window that does not reach further than the last is part of it.
        match (end - start).cmp(&best.len()) {
            std::cmp::Ordering::Greater => (best, ties) = (start..end, false),
            std::cmp::Ordering::Equal => ties = true,
            std::cmp::Ordering::Less => {}
        }
    }
    let mut inside = vec![false; group.len()];
    order[best.clone()].iter().for_each(|at| inside[*at] = true);
    let member = |at: usize| group[order[at]];
    Crowd {
        least: member(best.start),
        most: member(best.end - 1),
        lowest: member(0),
        highest: member(order.len() - 1),
        size: best.len(),
        is_majority: !ties && best.len() * 2 > group.len(),
        inside,
    }
}

/// Names in a row, cut behind the first few of them: `hv1, hv2 and 62 more`. `all` says how many there are; of the names
/// themselves, no more than `most` and one are asked for.
pub(super) fn names<'n>(names: impl IntoIterator<Item = &'n String>, all: usize, most: usize) -> String {
    // Cutting off a single name would take as much room as the name.
    let shown = if all > most + 1 { most } else { all };
    let mut out = String::new();
    for (at, name) in names.into_iter().take(shown).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
    }
    if shown < all {
        // Writing to a string cannot fail.
        let _ = write!(out, " and {} more", all - shown);
    }
    out
}
