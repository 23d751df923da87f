//! The program from outside: every subcommand, exit codes, widths and colours, bad input.
//!
//! Each test has a folder of its own, and an environment without anything that could change an answer. Answers are
//! compared with paths, times and versions replaced.

mod support;

mod active;
mod adopt;
mod bad_input;
mod baseline;
mod basics;
mod begin;
mod book;
mod bundle;
mod demo;
mod diff;
mod init;
mod live;
mod output;
mod privacy;
mod recording;
mod rules;
mod storage;
mod validation;
