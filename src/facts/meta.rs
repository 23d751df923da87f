//! What a fact is to the rest of the program: its type, and a borrowed view of its value.
//!
//! One declaration of a record (see [`records!`](crate::facts::records)) yields the Rust struct, its JSON, its JSON
//! schema, the names and types the expression checker knows, and access to each field by its index that borrows.
//! There is no second list of field names anywhere.

use std::fmt;
use std::sync::Arc;

/// The type of a fact, as the expression checker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number without a unit.
    Int,
    /// Text.
    Str,
    /// An amount of storage or memory; values are whole bytes.
    Size,
    /// A length of time; values are whole nanoseconds.
    Duration,
    /// A speed; values are whole bits per second.
    Rate,
    /// Text out of a closed list of words.
    Choice(&'static ChoiceType),
    /// A list whose elements have one type.
    List(Box<Type>),
    /// A record with named fields.
    Record(&'static RecordType),
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Str => f.write_str("string"),
            Type::Size => f.write_str("size"),
            Type::Duration => f.write_str("duration"),
            Type::Rate => f.write_str("rate"),
            Type::Choice(choice) => write!(f, "{}", choice.name),
            Type::List(element) => write!(f, "list of {element}"),
            Type::Record(record) => write!(f, "{}", record.name),
        }
    }
}

/// A closed list of words, such as the roles of a network.
#[derive(Debug)]
pub struct ChoiceType {
    /// Name of the type, as in `NetworkRole`.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// The words, with what each means.
    pub words: &'static [(&'static str, &'static str)],
}

impl PartialEq for ChoiceType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ChoiceType {}

/// A record: its name, what it holds, and its fields in order.
#[derive(Debug)]
pub struct RecordType {
    /// Name of the type, as in `Node`.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Index of the field that tells one element of a list from another, where there is one.
    pub key: Option<usize>,
    /// The fields; a field's position is its index in [`Record::field`].
    pub fields: &'static [FieldType],
}

impl PartialEq for RecordType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RecordType {}

impl RecordType {
    /// The index and type of the field of that name.
    pub fn find(&self, name: &str) -> Option<(usize, &'static FieldType)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }
}

/// One field of a record.
#[derive(Debug)]
pub struct FieldType {
    /// Name in JSON and in expressions.
    pub name: &'static str,
    /// What it says, with unit and source where there is one.
    pub doc: &'static str,
    /// Its type.
    pub ty: fn() -> Type,
    /// Whether it may be missing; a required field never is.
    pub optional: bool,
}

/// A borrowed view of one fact.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Not known. Why is told by the document's gaps, by path.
    Missing,
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Int`].
    Int(i64),
    /// See [`Type::Str`] and [`Type::Choice`].
    Str(&'a str),
    /// See [`Type::Size`].
    Size(i64),
    /// See [`Type::Duration`].
    Duration(i64),
    /// See [`Type::Rate`].
    Rate(i64),
    /// See [`Type::List`].
    List(&'a dyn List),
    /// See [`Type::Record`].
    Record(&'a dyn Record),
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => f.write_str("missing"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) | Value::Size(value) | Value::Duration(value) | Value::Rate(value) => {
                write!(f, "{value}")
            }
            Value::Str(value) => write!(f, "{value:?}"),
            Value::List(list) => {
                f.debug_list().entries((0..list.len()).filter_map(|index| list.get(index))).finish()
            }
            Value::Record(record) => {
                let ty = record.record_type();
                let mut out = f.debug_struct(ty.name);
                for (index, field) in ty.fields.iter().enumerate() {
                    out.field(field.name, &record.field(index));
                }
                out.finish()
            }
        }
    }
}

/// A list of facts, borrowed.
pub trait List: Sync {
    /// How many elements there are.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The element at a position, counted from 0.
    fn get(&self, index: usize) -> Option<Value<'_>>;
}

/// A record of facts, borrowed.
pub trait Record: Sync {
    /// Its names and types.
    fn record_type(&self) -> &'static RecordType;
    /// The value of the field at that index of [`RecordType::fields`]; [`Value::Missing`] when it is not known
    /// or there is no such index.
    fn field(&self, index: usize) -> Value<'_>;
}

/// A closed list of words as a Rust type; declared with [`choices!`](crate::choices).
pub trait Choice: Copy + std::str::FromStr<Err = UnknownWord> {
    /// Its name and words.
    fn choice_type() -> &'static ChoiceType;
}

/// Anything that can stand in a record.
pub trait Fact: Sync {
    /// Its type.
    fn fact_type() -> Type;
    /// A borrowed view.
    fn value(&self) -> Value<'_>;
    /// Whether nothing of it is known; such a field is left out of the JSON.
    fn is_absent(&self) -> bool {
        false
    }
    /// Whether it may be missing at all.
    const OPTIONAL: bool = false;
}

impl Fact for bool {
    fn fact_type() -> Type {
        Type::Bool
    }
    fn value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}

impl Fact for i64 {
    fn fact_type() -> Type {
        Type::Int
    }
    fn value(&self) -> Value<'_> {
        Value::Int(*self)
    }
}

impl Fact for String {
    fn fact_type() -> Type {
        Type::Str
    }
    fn value(&self) -> Value<'_> {
        Value::Str(self)
    }
}

impl<T: Fact> Fact for Option<T> {
    fn fact_type() -> Type {
        T::fact_type()
    }
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Missing, Fact::value)
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
    const OPTIONAL: bool = true;
}

impl<T: Fact> Fact for Vec<T> {
    fn fact_type() -> Type {
        Type::List(Box::new(T::fact_type()))
    }
    fn value(&self) -> Value<'_> {
        Value::List(self)
    }
}

/// A list that many records have in common, and that is there once.
impl<T: Fact + Send> Fact for Arc<Vec<T>> {
    fn fact_type() -> Type {
        <Vec<T> as Fact>::fact_type()
    }
    fn value(&self) -> Value<'_> {
        Value::List(&**self)
    }
}

impl<T: Fact> List for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn get(&self, index: usize) -> Option<Value<'_>> {
        self.as_slice().get(index).map(Fact::value)
    }
}

/// Declares records of facts.
///
/// Each field is `pub name: Type` with a doc comment. `Option<T>` may be missing; a type without `Option` is always
/// there (keys, and groups, which are records whose own fields may be missing). `key` names the field that tells
/// one element of a list from another and that paths such as `nodes[hv1].os.build` show.
#[macro_export]
macro_rules! records {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident $(key $key:ident)? {
            $( $(#[doc = $fdoc:literal])+ $field:ident : $ty:ty, )+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub struct $name {
            $(
                $(#[doc = $fdoc])+
                #[serde(default, skip_serializing_if = "Fact::is_absent")]
                pub $field: $ty,
            )+
        }

        impl $name {
            /// Names, types and documentation of the fields.
            pub const TYPE: RecordType = RecordType {
                name: stringify!($name),
                doc: concat!($($doc, "\n"),+),
                key: $crate::records!(@key [$($key)?] $($field)+),
                fields: &[$( FieldType {
                    name: stringify!($field),
                    doc: concat!($($fdoc, "\n"),+),
                    ty: <$ty as Fact>::fact_type,
                    optional: <$ty as Fact>::OPTIONAL,
                } ),+],
            };
        }

        impl Fact for $name {
            fn fact_type() -> Type {
                static TYPE: RecordType = $name::TYPE;
                Type::Record(&TYPE)
            }
            fn value(&self) -> Value<'_> {
                Value::Record(self)
            }
            fn is_absent(&self) -> bool {
                true $( && Fact::is_absent(&self.$field) )+
            }
        }

        impl Record for $name {
            fn record_type(&self) -> &'static RecordType {
                static TYPE: RecordType = $name::TYPE;
                &TYPE
            }
            fn field(&self, index: usize) -> Value<'_> {
                $crate::records!(@get self index 0usize; $($field)+)
            }
        }
    )+};
    (@key [] $($field:ident)+) => { None };
    (@key [$key:ident] $($field:ident)+) => {
        Some($crate::facts::position_of(&[$(stringify!($field)),+], stringify!($key)))
    };
    (@get $self:ident $index:ident $at:expr; $field:ident $($rest:ident)*) => {
        if $index == $at { Fact::value(&$self.$field) } else { $crate::records!(@get $self $index $at + 1usize; $($rest)*) }
    };
    (@get $self:ident $index:ident $at:expr;) => { Value::Missing };
}

/// Where a name stands in a list of names, for [`records!`](crate::records).
///
/// # Panics
/// At compile time, when a record's `key` names no field of it.
pub const fn position_of(names: &[&str], wanted: &str) -> usize {
    let mut at = 0;
    while at < names.len() {
        if same_text(names[at].as_bytes(), wanted.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("the key of a record names no field of it")
}

const fn same_text(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Declares closed lists of words: `Name { /// doc  Variant = "word", }`.
#[macro_export]
macro_rules! choices {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident {
            $( $(#[doc = $vdoc:literal])+ $variant:ident = $word:literal, )+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            schemars::JsonSchema,
        )]
        pub enum $name {
            $(
                $(#[doc = $vdoc])+
                #[serde(rename = $word)]
                $variant,
            )+
        }

        impl $name {
            /// The words, with what each means.
            pub const TYPE: ChoiceType = ChoiceType {
                name: stringify!($name),
                doc: concat!($($doc, "\n"),+),
                words: &[$( ($word, concat!($($vdoc, "\n"),+)) ),+],
            };

            /// All of them, in the order of the declaration.
            #[allow(dead_code)] // not every list is walked
            pub const ALL: &'static [$name] = &[$( $name::$variant ),+];

            /// The word that stands for it in JSON and in expressions.
            pub const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::facts::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $word => Ok($name::$variant), )+
                    _ => Err($crate::facts::UnknownWord { text: text.to_owned(), choice: &$name::TYPE }),
                }
            }
        }

        impl $crate::facts::Choice for $name {
            fn choice_type() -> &'static ChoiceType {
                static TYPE: ChoiceType = $name::TYPE;
                &TYPE
            }
        }

        impl Fact for $name {
            fn fact_type() -> Type {
                Type::Choice(<$name as $crate::facts::Choice>::choice_type())
            }
            fn value(&self) -> Value<'_> {
                Value::Str(self.word())
            }
        }
    )+};
}

/// A word that is not in a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is none of {}", .choice.words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))]
pub struct UnknownWord {
    /// What was written.
    pub text: String,
    /// The list it should be out of.
    pub choice: &'static ChoiceType,
}
