//! `cluster.toml`: what should be, validated, with the place of every value in the file.
