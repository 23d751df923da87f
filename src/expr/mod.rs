//! The expression language of the rules: parse, check against the facts' types, evaluate three-valued.
