//! The facts document: what is known of a cluster, typed, defined once, with provenance and gaps.
