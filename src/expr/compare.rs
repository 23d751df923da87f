//! `==` and its like, of values that may be known in part.

use super::eval::Evaluator;
use super::node::Relation;
use super::trace::Tracer;
use super::value::{Count, Plain, Truth};
use std::cmp::Ordering;

impl<'a, T: Tracer<'a>> Evaluator<'a, '_, T> {
    /// Whether the first is to the second as the relation says.
    pub(super) fn compare(
        &mut self,
        relation: Relation,
        a: &Plain<'a, T::Mark>,
        b: &Plain<'a, T::Mark>,
    ) -> Truth {
        let ordering = match (a, b) {
            (Plain::Unknown, _) | (_, Plain::Unknown) => return Truth::Unknown,
            (Plain::Bool(a), Plain::Bool(b)) => a.cmp(b),
            (Plain::Int(a), Plain::Int(b))
            | (Plain::Size(a), Plain::Size(b))
            | (Plain::Duration(a), Plain::Duration(b))
            | (Plain::Rate(a), Plain::Rate(b)) => a.cmp(b),
            // Texts of different lengths are seen not to be equal without reading them.
            (Plain::Str(a), Plain::Str(b)) if matches!(relation, Relation::Equal | Relation::Unequal) => {
                return ((**a == **b) == (relation == Relation::Equal)).into();
            }
            (Plain::Str(a), Plain::Str(b)) => (**a).cmp(&**b),
            (Plain::Int(_) | Plain::Between(..), Plain::Int(_) | Plain::Between(..)) => {
                return between(relation, bounds(a), bounds(b));
            }
            (Plain::Cidr(a), Plain::Cidr(b)) => a.cmp(b),
            (Plain::Facts(_) | Plain::Items(_), Plain::Facts(_) | Plain::Items(_)) => {
                let equal = self.equal_lists(a, b);
                return if relation == Relation::Unequal { equal.not() } else { equal };
            }
            _ => match (a.version(), b.version()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => return Truth::Unknown,
            },
        };
        relation.holds(ordering).into()
    }

    fn equal_lists(&mut self, a: &Plain<'a, T::Mark>, b: &Plain<'a, T::Mark>) -> Truth {
        let (Some(count_a), Some(count_b)) = (a.count(), b.count()) else { return Truth::Unknown };
        if count_a.most < count_b.least || count_b.most < count_a.least {
            return Truth::False;
        }
        if count_a.most == 0 && count_b.most == 0 {
            return Truth::True;
        }
        let exact = |plain: &Plain<'a, T::Mark>, count: Count| match plain {
            Plain::Items(items) => items.in_order && count.least == count.most,
            _ => true,
        };
        if !exact(a, count_a) || !exact(b, count_b) {
            return Truth::Unknown;
        }
        let mut equal = Truth::True;
        for at in 0..usize::try_from(count_a.least).unwrap_or(0) {
            let (Some(a), Some(b)) = (element(a, at), element(b, at)) else { return Truth::Unknown };
            if !self.step() {
                return Truth::Unknown;
            }
            match self.compare(Relation::Equal, &a, &b) {
                Truth::False => return Truth::False,
                Truth::True => {}
                Truth::Unknown => equal = Truth::Unknown,
            }
        }
        equal
    }
}

fn element<'a, M: Copy>(list: &Plain<'a, M>, at: usize) -> Option<Plain<'a, M>> {
    match list {
        Plain::Facts(facts) => facts.get(at).map(Plain::from),
        Plain::Items(items) => items.items.get(at).map(|item| item.seen.plain.clone()),
        _ => None,
    }
}

/// The least and the greatest number that a value can be.
pub(super) fn bounds<M>(plain: &Plain<'_, M>) -> (i64, i64) {
    match plain {
        Plain::Int(value) => (*value, *value),
        Plain::Between(least, most) => (*least, *most),
        _ => (i64::MIN, i64::MAX),
    }
}

fn between(relation: Relation, a: (i64, i64), b: (i64, i64)) -> Truth {
    let decided = |is: bool, is_not: bool| match (is, is_not) {
        (true, _) => Truth::True,
        (_, true) => Truth::False,
        _ => Truth::Unknown,
    };
    match relation {
        Relation::Equal => decided(a.0 == a.1 && a == b, a.1 < b.0 || b.1 < a.0),
        Relation::Less => decided(a.1 < b.0, a.0 >= b.1),
        Relation::Unequal => between(Relation::Equal, a, b).not(),
        Relation::Greater => between(Relation::Less, b, a),
        Relation::LessEqual => between(Relation::Less, b, a).not(),
        Relation::GreaterEqual => between(Relation::Less, a, b).not(),
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::Unequal => ordering.is_ne(),
            Relation::Less => ordering.is_lt(),
            Relation::LessEqual => ordering.is_le(),
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterEqual => ordering.is_ge(),
        }
    }
}
