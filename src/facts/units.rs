//! Amounts with a unit: plain whole numbers in JSON (the unit is in the field's name), apart in expressions.

use super::meta::{Fact, Type, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[doc = $doc:literal])+ $name:ident($inner:ty) => $kind:ident, $factor:expr) => {
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl Fact for $name {
            fn fact_type() -> Type {
                Type::$kind
            }
            fn value(&self) -> Value<'_> {
                // No cluster has a LUN of 8 EiB or a time-out of 290 years; a hostile number saturates.
                Value::$kind(i64::try_from(self.0).unwrap_or(i64::MAX).saturating_mul($factor))
            }
        }
    };
}

unit! {
    /// Bytes, in fields that end in `_bytes`.
    Bytes(u64) => Size, 1
}
unit! {
    /// Nanoseconds, in fields that end in `_ns`.
    Nanos(i64) => Duration, 1
}
unit! {
    /// Microseconds, in fields that end in `_us`.
    Micros(i64) => Duration, 1_000
}
unit! {
    /// Milliseconds, in fields that end in `_ms`.
    Millis(i64) => Duration, 1_000_000
}
unit! {
    /// Seconds, in fields that end in `_s`.
    Seconds(i64) => Duration, 1_000_000_000
}
unit! {
    /// Bits per second, in fields that end in `_bps`.
    BitsPerSecond(u64) => Rate, 1
}
