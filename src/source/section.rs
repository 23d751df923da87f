//! Tables with known keys, declared once: the reader, the keys that are known, and the JSON schema come from that.

use serde_json::{Map, Value, json};

/// Declares tables of a TOML file.
///
/// Each field is `name: Type` with a doc comment, where the type implements [`FromItem`](crate::source::FromItem);
/// `= needed` after it makes it an error to leave the key out, and `name as "key": Type` gives the key another name
/// than the field. In the struct every field is an `Option`, since a value that is wrong is reported and left out.
#[macro_export]
macro_rules! sections {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident {
            $( $(#[doc = $fdoc:literal])+ $field:ident $(as $word:literal)? : $ty:ty $(= $needed:ident)?, )+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            /// Where the table stands: its header, or its braces.
            #[allow(dead_code, reason = "not every table has something to say of itself")]
            pub span: $crate::source::Span,
            $(
                $(#[doc = $fdoc])+
                pub $field: Option<$ty>,
            )+
        }

        impl $name {
            /// Reads it; keys that are not known, missing or wrong are added to `problems`.
            pub fn from_table(
                mut table: $crate::source::Table,
                problems: &mut $crate::source::Problems,
            ) -> Self {
                let read = Self {
                    span: table.span().clone(),
                    $( $field: $crate::sections!(@read table problems
                        ($crate::sections!(@key $field $($word)?)) $($needed)?), )+
                };
                table.finish(problems);
                read
            }
        }

        impl $crate::source::FromItem for $name {
            fn read(item: $crate::source::Item, problems: &mut $crate::source::Problems) -> Option<Self> {
                let table = <$crate::source::Table as $crate::source::FromItem>::read(item, problems)?;
                Some(Self::from_table(table, problems))
            }
            fn schema() -> serde_json::Value {
                $crate::source::table_schema(concat!($($doc, "\n"),+), vec![
                    $( $crate::source::Key {
                        name: $crate::sections!(@key $field $($word)?),
                        doc: concat!($($fdoc, "\n"),+),
                        needed: $crate::sections!(@needed $($needed)?),
                        schema: <$ty as $crate::source::FromItem>::schema(),
                    }, )+
                ])
            }
        }
    )+};
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $word:literal) => { $word };
    (@needed) => { false };
    (@needed needed) => { true };
    (@read $table:ident $problems:ident ($key:expr)) => { $table.get($key, $problems) };
    (@read $table:ident $problems:ident ($key:expr) needed) => { $table.need($key, $problems) };
}

/// One key of a table, for its schema.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// Whether it must be there.
    pub needed: bool,
    /// The schema of its value.
    pub schema: Value,
}

/// The JSON schema (draft-07) of a table with exactly these keys.
pub fn table_schema(doc: &str, keys: Vec<Key>) -> Value {
    let needed: Vec<_> = keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
    let mut properties = Map::new();
    for mut key in keys {
        // A description of its own, of a nested table, is as good as that of the key.
        if let Value::Object(schema) = &mut key.schema {
            schema.insert("description".to_owned(), plain(key.doc).into());
        } else {
            key.schema = json!({ "description": plain(key.doc) });
        }
        properties.insert(key.name.to_owned(), key.schema);
    }
    let mut schema = json!({
        "type": "object",
        "description": plain(doc),
        "properties": properties,
        "additionalProperties": false,
    });
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    schema
}

/// A doc comment as plain text.
pub fn plain(doc: &str) -> String {
    doc.lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use crate::source::{FromItem, Problems, SourceFile, Spanned, Table, Text};

    sections! {
        /// A shelf.
        Shelf {
            /// Its name.
            name: Text = needed,
            /// What is on it.
            books as "book": Vec<Book>,
        }
        /// A book.
        Book {
            /// Its kind.
            kind as "type": Text = needed,
            /// Pages.
            pages: Spanned<i64>,
        }
    }

    #[test]
    fn one_declaration_reads_and_describes() {
        let mut problems = Problems::new();
        let file = SourceFile::new("shelf.toml", "[[book]]\ntype = 'x'\npages = 3\n[[book]]\ntyp = 'y'\n");
        let shelf = Shelf::from_table(Table::parse(&file, &mut problems), &mut problems);
        assert_eq!(shelf.name, None);
        assert_eq!(shelf.span.range(), 0..0);
        let books: Vec<_> = shelf.books.into_iter().flatten().collect();
        assert_eq!(books[0].kind.as_deref(), Some("x"));
        assert_eq!(books[0].pages.as_deref(), Some(&3));
        assert_eq!((books[1].span.place().line, &books[1].kind), (4, &None));
        assert_eq!(
            problems.to_string(),
            "shelf.toml:1:1: `name` is missing\n\
             shelf.toml:5:1: there is no key `typ` in `book` (did you mean `type`?)"
        );
        insta::assert_json_snapshot!(Shelf::schema());
    }
}
