//! Findings to a report: verdict, summary and coverage computed once, then rendered as a table or as JSON.
//!
//! The verdict and the exit code are computed in `model` and nowhere else; a renderer reads a [`Report`] and nothing
//! else. Whatever came from a host or a file is made harmless before it is printed.

mod coverage;
mod exit;
mod group;
mod json;
mod model;
mod table;
mod tested;
mod text;
mod validated;

pub use coverage::*;
pub use exit::*;
pub use json::*;
pub use model::*;
pub use table::*;
pub use tested::*;
pub use text::*;
pub use validated::*;

#[cfg(test)]
mod tests;
