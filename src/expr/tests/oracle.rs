//! Expressions that CEL has too mean what CEL says, on complete data: held against the `cel` crate.

use super::super::*;
use super::generate::{Entropy, Want, Writer, document};
use crate::facts::{Document, Fact, Value};
use cel::objects::{Key, Map};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// A fact as CEL has it; what is missing is left out.
fn cel_value(value: Value<'_>) -> Option<cel::Value> {
    Some(match value {
        Value::Missing => return None,
        Value::Bool(value) => cel::Value::Bool(value),
        Value::Int(n) | Value::Size(n) | Value::Duration(n) | Value::Rate(n) => cel::Value::Int(n),
        Value::Str(text) => cel::Value::String(Arc::new(text.to_owned())),
        Value::List(list) => {
            let elements = (0..list.len()).filter_map(|at| cel_value(list.get(at)?));
            cel::Value::List(Arc::new(elements.collect()))
        }
        Value::Record(record) => {
            let fields = record.record_type().fields.iter().enumerate();
            let known = fields.filter_map(|(at, field)| {
                Some((Key::String(Arc::new(field.name.to_owned())), cel_value(record.field(at))?))
            });
            cel::Value::Map(Map { map: Arc::new(known.collect::<HashMap<_, _>>()) })
        }
    })
}

/// Ours as CEL has it.
fn cel_datum(datum: &Datum<'_>) -> Option<cel::Value> {
    Some(match datum {
        Datum::Bool(value) => cel::Value::Bool(*value),
        Datum::Int(n) => cel::Value::Int(*n),
        Datum::Str(text) => cel::Value::String(Arc::new((**text).to_owned())),
        Datum::List(elements) => {
            cel::Value::List(Arc::new(elements.iter().map(cel_datum).collect::<Option<_>>()?))
        }
        Datum::Record(record) => cel_value(Value::Record(*record))?,
        _ => return None,
    })
}

fn agree(text: &str, document: &Document) -> Result<(), TestCaseError> {
    let mut context = cel::Context::default();
    let Some(cel::Value::Map(fields)) = cel_value(document.value()) else {
        unreachable!("a document is a record")
    };
    for (key, value) in fields.map.iter() {
        context.add_variable_from_value(key.to_string(), value.clone());
    }
    let theirs =
        cel::Program::compile(text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
    let theirs = theirs.execute(&context);
    let program =
        compile(text, &Env::facts()).map_err(|errors| TestCaseError::fail(format!("{text}: {errors:?}")))?;
    let ours = program.eval(&Scope { document, values: &[], params: &[] });
    match (&theirs, ours.datum()) {
        (Ok(theirs), Some(ours)) => {
            let ours = cel_datum(&ours);
            prop_assert_eq!(Some(theirs), ours.as_ref(), "{}", text);
        }
        (Ok(theirs), None) => prop_assert!(false, "{text}: CEL says {theirs:?}, we say {ours}"),
        // CEL gives up on an error that cannot change the result any more, as in the elements of a list whose size is asked.
        (Err(_), _) => {}
    }
    Ok(())
}

proptest! {
    #[test]
    fn complete_data_means_the_same_in_cel(
        seed in prop::collection::vec(any::<u8>(), 0..60),
        facts in prop::collection::vec(any::<u8>(), 0..60),
        want in prop::sample::select(vec![Want::Bool, Want::Int, Want::Text, Want::Ints, Want::Texts, Want::Nodes, Want::Nics]),
    ) {
        let text = Writer::new(&mut Entropy::new(&seed), false).write(want, 4).to_string();
        agree(&text, &document(&mut Entropy::new(&facts)))?;
    }
}

#[test]
fn known_expressions_mean_the_same_in_cel() {
    let facts: Vec<u8> = (0..200_u8).map(|at| at.wrapping_mul(37).wrapping_add(11)).collect();
    let document = document(&mut Entropy::new(&facts));
    assert!(document.nodes.len() > 1, "the document has something to say");
    for text in [
        "nodes.all(n, n.nics.filter(x, x.link_up).size() >= 1) || cluster.name.contains('a')",
        "nodes.map(n, n.reached, n.name) + ['x']",
        "nodes.exists_one(n, n.name == 'n1') ? size('äö') : 7 % -3",
        "'a\\'b\\u00e4' + \"\\x41\" == 'a\\'bäA' && r'\\d' == '\\\\d'",
        "'hv12'.matches('[0-9]+$') && !'hv'.matches('^v')",
        "-7 / 2 == -3 && -7 % 3 == -1 && 0x1F == 31 && 2 - 3 - 4 == -5",
        "[1, 2] + [3] == [1, 2, 3] && 2 in [1, 2] && !(4 in [])",
        "'B' < 'a' && 'a' < 'ab' && false != true",
        "int('12') + int(3) == 15 && string(12) + string(true) == '12true'",
        "[[1], [2, 3]].all(l, l.exists(x, x > 0)) // a comment",
        "has(cluster.name) && !has(cluster.edition)",
        "true || 1 / 0 == 1",
        "1 / 0 == 1 || true",
        "[1, 0].exists(x, 1 / x == 1) && ![1, 0].all(x, 1 / x == 2)",
        "1 < 2 ? 'a' : 'b'",
        "[1, 2, 3,].size() == size([1, 2, 3])",
    ] {
        agree(text, &document).unwrap_or_else(|error| panic!("{error}"));
        let theirs = cel::Program::compile(text).expect(text);
        let mut context = cel::Context::default();
        let Some(cel::Value::Map(fields)) = cel_value(document.value()) else { unreachable!() };
        fields
            .map
            .iter()
            .for_each(|(key, value)| context.add_variable_from_value(key.to_string(), value.clone()));
        assert!(theirs.execute(&context).is_ok(), "{text}: {:?}", theirs.execute(&context));
    }
}
