//! Inventory to facts: transports, collectors, parsers and storage targets. Knows nothing of rules.
