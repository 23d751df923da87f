//! Files that people write: their text, every mistake in them at its place, and the values read out of them.
//!
//! What is read keeps its [`Span`], so that a later check can still point at the word it is about. All mistakes of
//! all files are gathered in one [`Problems`] and shown at once. Reading asks a [`Table`] for its keys; what was not
//! asked for is unknown, and said to be so with the nearest known name. Where the keys are fixed, a declaration with
//! [`sections!`](crate::sections) reads them all and yields the JSON schema as well.
//!
//! ```
//! use quorate::source::{Problems, SourceFile, Table, Text};
//! let file = SourceFile::new("rules/network.toml", "nmae = 'same-mtu'\nrequire = '''\nnode.mtuu == 1500'''\n");
//! let mut problems = Problems::new();
//! let mut table = Table::parse(&file, &mut problems);
//! let name: Option<Text> = table.get("name", &mut problems);
//! let require: Option<Text> = table.need("require", &mut problems);
//! table.finish(&mut problems);
//! let word = require.expect("it is there").within(5..9); // a byte range of the decoded value
//! problems.push(word.problem("there is no field `mtuu`", "unknown field").help("did you mean `mtu`?"));
//! assert!(name.is_none());
//! assert_eq!(problems.to_string(), "rules/network.toml:1:1: there is no key `nmae` here (did you mean `name`?)\n\
//!     rules/network.toml:3:6: there is no field `mtuu` (did you mean `mtu`?)");
//! ```

mod file;
mod item;
mod prepared;
mod problem;
mod section;
mod suggest;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use file::*;
pub use item::*;
pub use prepared::Prepared;
pub use problem::*;
pub use section::*;
pub use suggest::*;
pub use table::*;
pub use text::*;
