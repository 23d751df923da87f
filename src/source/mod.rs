//! Source text with places: files, TOML walked with spans, and every mistake of a file reported at once.
