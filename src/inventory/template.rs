//! Commented `cluster.toml` files to begin with.
