//! Facts from facts: pure functions that relate what the probes found.
