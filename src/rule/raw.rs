//! Rule files and profiles as they are written: every value with its place, nothing checked but its kind.
//!
//! One declaration of a table's keys gives its reader and its JSON schema.

use super::Severity;
use crate::facts::{ChoiceType, Fact, Platform, Type, Value};
use crate::sections;
use crate::source::{Entries, FromItem, Item, Kind, Problems, Spanned, Text};
use serde_json::json;

sections! {
    /// A file of rules; its name is their category.
    RawPack {
        /// Parameters by name. A parameter is declared once over all files.
        params as "param": Entries<RawParam>,
        /// The rules, in the order in which they are reported.
        rules as "rule": Vec<RawRule>,
    }

    /// A parameter: a value that a profile or a `cluster.toml` may set. Expressions read it as `params.NAME`.
    RawParam {
        /// Its type: `bool`, `int`, `string`, `size`, `duration`, `rate`, or `list of` one of these.
        ty as "type": Text = needed,
        /// Its value where nobody sets another; sizes, durations and rates as text: `"512 MiB"`, `"3s"`, `"10 Gbit/s"`.
        default: Item = needed,
        /// What it sets.
        doc: Text = needed,
    }

    /// A rule: what must hold, why, and what to do where it does not.
    RawRule {
        /// Name within its category: letters, digits and `-`.
        name: Text = needed,
        /// The requirement as a sentence.
        title: Text = needed,
        /// How bad it is when the rule does not hold.
        severity: Spanned<Severity> = needed,
        /// What is said of an element for which it does not hold, with expressions in `{}`. Needed for `require`; the
        /// other verbs say themselves which elements are odd, and say this first.
        message: Text,
        /// What breaks, in plain words.
        why: Text = needed,
        /// What to do.
        remedy: Text = needed,
        /// The documents in which the requirement stands.
        source: Vec<Text> = needed,
        /// Ids of the requirements that it covers: `R2-08`.
        covers: Vec<Text>,
        /// Words to find it by.
        tags: Vec<Text>,
        /// The list whose elements get a verdict each: `nodes`, `nodes.nics`. Every list on the way binds the singular
        /// of its name. Left out: one verdict for the whole cluster.
        each: Text,
        /// Where this is false, the rule has nothing to say.
        when: Text,
        /// Verb: must be true for each element.
        require: Text,
        /// Verb: must have one value over all elements (of a group, see `per`).
        same: Text,
        /// Verb: no two elements (of a group, see `per`) may have the same value.
        unique: Text,
        /// Groups the elements of `same` and `unique` by this value.
        per: Text,
        /// How far apart the values of `same` may be.
        tolerance: Text,
        /// Verb: every element of this list must be in the list `of`.
        subset: Text,
        /// The list that `subset` must be within.
        of: Text,
        /// Verb: this list must have at least `min` and at most `max` elements.
        count: Text,
        /// See `count`.
        min: Text,
        /// See `count`.
        max: Text,
        /// Facts and what the rule must say of them; at least one where it passes and one where it does not.
        examples as "example": Vec<RawExample>,
    }

    /// Facts, and what a rule must say of them.
    RawExample {
        /// What the rule must say.
        verdict: Spanned<ExampleVerdict> = needed,
        /// Of which element: its name (`hv2 eth0`), the last word of it, or its path. Left out: the worst of all verdicts.
        subject: Text,
        /// The facts as JSON; `schema` may be left out.
        facts: Text = needed,
        /// Values of parameters for this example.
        params: Entries<Item>,
        /// What the example shows.
        title: Text,
    }

    /// A profile: the rules that a platform calls for, with its limits.
    RawProfile {
        /// Its name; must be that of the file.
        name: Text,
        /// What it is for.
        title: Text = needed,
        /// The profile whose choices it starts from.
        extends: Text,
        /// The platform that it is taken for when a cluster names no profile.
        platform: Spanned<Platform>,
        /// The releases of that platform; all of them where it is left out.
        releases: Vec<Text>,
        /// Rules it adds: a category, an id, or a pattern with `*`.
        select: Vec<Text>,
        /// Rules it takes away.
        ignore: Vec<Text>,
        /// Limits: a value, or `{ value = ..., source = "..." }`.
        params: Entries<RawLimit>,
        /// Severities by category, id or pattern.
        severity: Entries<Spanned<Severity>>,
    }
}

crate::choices! {
    /// What a rule must say in an example.
    ExampleVerdict {
        /// The rule holds.
        Pass = "pass",
        /// It does not, with severity `warn`.
        Warn = "warn",
        /// It does not, with severity `fail`.
        Fail = "fail",
        /// It does not, with severity `info`.
        Info = "info",
        /// A fact is missing.
        Unknown = "unknown",
        /// It has nothing to say.
        NotApplicable = "not-applicable",
    }
}

/// A limit of a profile: a value, and the document it stands in.
#[derive(Clone, Debug)]
pub struct RawLimit {
    /// The value.
    pub value: Item,
    /// The document it stands in.
    pub source: Option<Text>,
}

impl FromItem for RawLimit {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(mut table) = item.kind else { return Some(RawLimit { value: item, source: None }) };
        let value = table.need("value", problems);
        let source = table.get("source", problems);
        table.finish(problems);
        Some(RawLimit { value: value?, source })
    }

    fn schema() -> serde_json::Value {
        json!({
            "anyOf": [
                { "type": ["boolean", "integer", "string", "array"] },
                {
                    "type": "object",
                    "properties": { "value": {}, "source": { "type": "string" } },
                    "required": ["value"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
