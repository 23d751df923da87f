//! What expressions mean, as known answers, and what is wrong with wrong ones.

mod answers;
mod mistakes;
mod support;
