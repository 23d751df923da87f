//! The names that an expression may use, with their types: the fields of the facts document, the variables that a rule
//! binds, and its parameters.

use super::types::ExprType;
use crate::facts::{Document, Fact, RecordType, Type};
use std::sync::Arc;

/// The name under which the parameters stand.
pub(super) const PARAMS: &str = "params";

/// The names that an expression may use.
#[derive(Clone, Debug, Default)]
pub struct Env {
    pub(super) document: Option<&'static RecordType>,
    pub(super) bound: Vec<BoundName>,
    pub(super) params: Arc<[(String, Type)]>,
}

/// A variable that the rule binds.
#[derive(Clone, Debug)]
pub(super) struct BoundName {
    pub(super) name: String,
    pub(super) ty: ExprType,
    /// Where its values come from, as a path of types: `nodes.nics`; empty for no place in the facts.
    pub(super) path: String,
}

impl Env {
    /// The fields of [`Document`].
    pub fn facts() -> Self {
        let document = match Document::fact_type() {
            Type::Record(record) => Some(record),
            _ => None,
        };
        Env { document, ..Env::default() }
    }

    /// The same with a variable; [`Scope::values`](super::Scope) gives the values in the same order.
    ///
    /// `path` is where its values come from, as a path of types (`nodes.nics`), for [`Program::reads`](super::Program::reads);
    /// empty for a value that stands nowhere in the facts.
    #[must_use]
    pub fn bind(mut self, name: impl Into<String>, ty: impl Into<ExprType>, path: impl Into<String>) -> Self {
        self.bound.push(BoundName { name: name.into(), ty: ty.into(), path: path.into() });
        self
    }

    /// The same with parameters, in the order in which [`Scope::params`](super::Scope) gives their values.
    #[must_use]
    pub fn params(mut self, params: &[(String, Type)]) -> Self {
        self.params = params.into();
        self
    }

    /// Names that may stand at the beginning of an expression.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let fields =
            self.document.into_iter().flat_map(|record| record.fields.iter().map(|field| field.name));
        let params = (!self.params.is_empty()).then_some(PARAMS);
        self.bound.iter().rev().map(|bound| bound.name.as_str()).chain(fields).chain(params)
    }
}
