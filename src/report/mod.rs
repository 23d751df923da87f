//! Findings to people and programs: table and JSON. Knows nothing of how a verdict came about.
