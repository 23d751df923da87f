//! What expressions mean, as known answers, and what is wrong with wrong ones.

mod answers;
mod generate;
mod laws;
mod mistakes;
mod oracle;
mod support;
