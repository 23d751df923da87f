//! The expression language of the rules: parse, check against the facts' types, evaluate three-valued.
//!
//! A strict, typed subset of CEL's syntax with CEL's meaning on complete data, and functions of the field beside it. A
//! mistake that can be seen without facts is an error when an expression is compiled, with its place and what to do. A missing
//! fact makes a value unknown, never true and never false, and [`Program::explain`] tells which fact it was. Evaluation
//! borrows the facts, looks up no names, cannot panic and always ends.
//!
//! The way of an expression: `token` (text to tokens), `parse` (tokens to a `syntax` tree), `check` and `methods` (syntax
//! tree to a checked tree of `node`s), `eval` and `operate` (checked tree and facts to a `value`), with what `trace` keeps.

mod advice;
mod check;
mod compare;
mod datum;
mod elements;
mod env;
mod error;
mod eval;
mod lists;
mod methods;
mod node;
mod operate;
mod parse;
mod program;
mod syntax;
mod template;
mod token;
mod trace;
mod types;
mod value;
mod version;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use datum::Datum;
pub use env::Env;
pub use error::ExprError;
pub use node::MAX_VARIABLES;
pub use program::{
    Cause, Element, Evaluated, Evidence, Expected, Explanation, MAX_TOLD, Program, Scope, compile,
    compile_expecting, conjuncts,
};
pub use syntax::MAX_DEPTH;
pub use template::Template;
pub use token::MAX_TEXT;
pub use types::ExprType;
pub use value::Text;
pub use vocabulary::{Entry, functions, methods};
