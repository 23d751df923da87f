//! Findings to a report: verdict, summary and coverage computed once, then rendered: one file for each format.
//!
//! The verdict and the exit code are computed in `model` and nowhere else; a renderer reads a [`Report`] and nothing
//! else. Whatever came from a host or a file is made harmless before it is printed.

mod baseline;
mod coverage;
mod diff;
mod drawn;
mod exit;
mod github;
mod gitlab;
mod group;
mod html;
mod json;
mod junit;
mod layout;
mod lines;
mod markdown;
mod model;
mod prometheus;
mod sarif;
mod table;
mod tested;
mod text;
mod validated;
mod words;

pub use baseline::*;
pub use coverage::*;
pub use diff::*;
pub use drawn::*;
pub use exit::*;
pub use github::*;
pub use gitlab::*;
pub use html::*;
pub use json::*;
pub use junit::*;
pub use layout::Look;
pub use lines::*;
pub use markdown::*;
pub use model::*;
pub use prometheus::*;
pub use sarif::*;
pub use table::*;
pub use tested::*;
pub use text::*;
pub use validated::*;

#[cfg(test)]
mod formats;
#[cfg(test)]
mod tests;
