//! What holds of every expression.

use super::super::syntax::Operator;
use super::super::*;
use super::generate::{Entropy, Want, Writer, binary, bool, call, document, forget, int, method, name, not};
use super::support::told;
use crate::facts::Document;
use proptest::prelude::*;

fn compiled(text: &str) -> Program {
    compile(text, &Env::facts()).unwrap_or_else(|errors| panic!("{text}\n{}", told(text, &errors)))
}

fn scope(document: &Document) -> Scope<'_, '_> {
    Scope { document, values: &[], params: &[] }
}

/// The truth of a condition over a document.
fn truth(expr: &super::super::syntax::Expr, document: &Document) -> Option<bool> {
    let program = compiled(&expr.to_string());
    program.test(&scope(document))
}

/// Whether a missing fact explains a cause: it is the fact, or lies above it.
fn explains(lost: &str, cause: &str) -> bool {
    cause.strip_prefix(lost).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn check_errors(text: &str, errors: &[ExprError]) {
    assert!(!errors.is_empty());
    for error in errors {
        assert!(text.get(error.range.clone()).is_some(), "{text:?}: {error:?}");
        assert!(!error.message.is_empty());
    }
    assert!(errors.windows(2).all(|pair| pair[0].range.start <= pair[1].range.start));
}

fn wants() -> impl Strategy<Value = Want> {
    prop::sample::select(vec![
        Want::Bool,
        Want::Int,
        Want::Text,
        Want::Ints,
        Want::Texts,
        Want::Nodes,
        Want::Nics,
    ])
}

fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..longest)
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_at_its_place(text in "\\PC{0,60}") {
        if let Err(errors) = compile(&text, &Env::facts()) {
            check_errors(&text, &errors);
        }
        if let Err(errors) = Template::compile(&text, &Env::facts()) {
            check_errors(&text, &errors);
        }
    }

    #[test]
    fn any_tokens_are_parsed_or_refused_at_their_place(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "nodes", "cluster", ".", "name", "all", "filter", "(", ")", "[", "]", ",", "n", "==", "=", "&&", "and", "!", "not",
            "-", "1", "'a'", "?", ":", "in", "+", "/", "size", "has", "bytes", "{", "}", "'", "1.5", "null", "version", " ",
        ]), 0..24)
    ) {
        let text = tokens.join(" ");
        if let Err(errors) = compile(&text, &Env::facts()) {
            check_errors(&text, &errors);
        }
    }

    #[test]
    fn a_damaged_expression_is_parsed_or_refused_at_its_place(seed in bytes(80), at in 0_usize..200, length in 1_usize..6) {
        let mut entropy = Entropy::new(&seed);
        let mut text = Writer::new(&mut entropy, true).write(Want::Bool, 4).to_string();
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (start + length..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        text.replace_range(start..end, "");
        if let Err(errors) = compile(&text, &Env::facts()) {
            check_errors(&text, &errors);
        }
    }

    #[test]
    fn a_printed_tree_is_parsed_to_the_same_tree(seed in bytes(120), want in wants()) {
        let mut entropy = Entropy::new(&seed);
        let tree = Writer::new(&mut entropy, true).write(want, 5);
        let text = tree.to_string();
        let (parsed, errors) = super::super::parse::parse(&text);
        prop_assert_eq!(errors, vec![]);
        prop_assert_eq!(&parsed, &tree, "{}", text);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn what_is_known_stays_when_more_becomes_known(seed in bytes(60), facts in bytes(60), loss in bytes(40), want in wants()) {
        let mut entropy = Entropy::new(&seed);
        let text = Writer::new(&mut entropy, true).write(want, 4).to_string();
        let whole = document(&mut Entropy::new(&facts));
        let mut partial = whole.clone();
        let lost = forget(&mut partial, &mut Entropy::new(&loss));
        let program = compiled(&text);
        let (before, after) = (program.eval(&scope(&partial)), program.eval(&scope(&whole)));
        if let (Some(before), Some(after)) = (before.datum(), after.datum()) {
            // Records are compared by their keys: their other fields are what became known.
            let plain = !matches!(want, Want::Nodes | Want::Nics);
            prop_assert!(if plain { before == after } else { before.to_string() == after.to_string() }, "{}", text);
        }
        // Of a list, as many elements as were possible, and all that were certain.
        if let (Some((least, most)), Some((low, high))) = (before.count(), after.count()) {
            prop_assert!(high.is_none_or(|high| high >= least), "{}", text);
            prop_assert!(most.is_none_or(|most| low <= most), "{}", text);
        }
        for element in before.elements().into_iter().flatten().filter(|element| element.certain) {
            if let (Some(datum), true) = (element.value.datum(), want != Want::Nodes && want != Want::Nics) {
                prop_assert_ne!(after.contains(&datum), Some(false), "{}", text);
            }
        }
        // An unknown has causes, each of them a fact that was taken away or a value that cannot be used.
        let explained = program.explain(&scope(&partial), &[]);
        prop_assert_eq!(before.datum().is_none(), !explained.causes.is_empty(), "{}", text);
        for cause in explained.causes.iter().filter(|cause| cause.why.is_none()) {
            prop_assert!(lost.iter().any(|lost| explains(lost, &cause.path)), "{text}: {cause:?} of {lost:?}");
        }
        if before.datum().is_none() && after.datum().is_some() {
            prop_assert!(explained.causes.iter().any(|cause| cause.why.is_none()), "{text}: {explained:?}");
        }
        // What was read is what the program says that it reads.
        for evidence in &explained.evidence {
            let types = without_keys(&evidence.path);
            prop_assert!(
                program.reads().iter().any(|read| *read == types || read.starts_with(&format!("{types}."))),
                "{text}: {types} in {:?}", program.reads()
            );
        }
        if want == Want::Bool {
            prop_assert_eq!(program.test(&scope(&partial)), before.truth());
        }
    }

    #[test]
    fn conditions_follow_kleene(first in bytes(40), second in bytes(40), third in bytes(40), facts in bytes(60), loss in bytes(40)) {
        let mut partial = document(&mut Entropy::new(&facts));
        forget(&mut partial, &mut Entropy::new(&loss));
        let write = |seed: &[u8]| Writer::new(&mut Entropy::new(seed), true).write(Want::Bool, 3);
        let [a, b, c] = [write(&first), write(&second), write(&third)];
        let is = |expr| truth(&expr, &partial);
        let and = |a: &_, b: &_| binary(Operator::And, Clone::clone(a), Clone::clone(b));
        let or = |a: &_, b: &_| binary(Operator::Or, Clone::clone(a), Clone::clone(b));
        prop_assert_eq!(is(and(&a, &b)), is(and(&b, &a)));
        prop_assert_eq!(is(or(&a, &b)), is(or(&b, &a)));
        prop_assert_eq!(is(not(and(&a, &b))), is(or(&not(a.clone()), &not(b.clone()))));
        prop_assert_eq!(is(not(or(&a, &b))), is(and(&not(a.clone()), &not(b.clone()))));
        prop_assert_eq!(is(and(&a, &or(&b, &c))), is(or(&and(&a, &b), &and(&a, &c))));
        prop_assert_eq!(is(and(&and(&a, &b), &c)), is(and(&a, &and(&b, &c))));
        prop_assert_eq!(is(not(not(a.clone()))), is(a.clone()));
        prop_assert_eq!(is(and(&a, &bool(false))), Some(false));
        prop_assert_eq!(is(or(&a, &bool(true))), Some(true));
        prop_assert_eq!(is(and(&a, &bool(true))), is(a.clone()));
        let table = match (is(a.clone()), is(b.clone())) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        prop_assert_eq!(is(and(&a, &b)), table);
    }

    #[test]
    fn quantifiers_agree_with_each_other(list in bytes(30), body in bytes(40), facts in bytes(60), loss in bytes(40)) {
        let mut partial = document(&mut Entropy::new(&facts));
        forget(&mut partial, &mut Entropy::new(&loss));
        let list = Writer::new(&mut Entropy::new(&list), true).write(Want::Ints, 3);
        let body = Writer::new(&mut Entropy::new(&body), true).write(Want::Int, 2);
        let holds = binary(Operator::Less, name("q"), body);
        let over = |which: &str, body: &super::super::syntax::Expr| method(list.clone(), which, vec![name("q"), body.clone()]);
        let size = |body| call("size", over("filter", body));
        let is = |expr| truth(&expr, &partial);
        let no = not(holds.clone());
        prop_assert_eq!(is(not(over("all", &holds))), is(over("exists", &no)));
        prop_assert_eq!(is(over("exists", &holds)), is(binary(Operator::Greater, size(&holds), int(0))));
        prop_assert_eq!(is(over("all", &holds)), is(binary(Operator::Equal, size(&no), int(0))));
        prop_assert_eq!(is(over("exists_one", &holds)), is(binary(Operator::Equal, size(&holds), int(1))));
        // The count that is taken without making the list is the count of the list.
        let made = method(over("filter", &holds), "map", vec![name("p"), int(1)]);
        prop_assert_eq!(
            is(binary(Operator::Equal, size(&holds), int(2))),
            is(binary(Operator::Equal, call("size", made), int(2)))
        );
    }
}

/// A path without what stands in brackets.
fn without_keys(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| match c {
            '[' => {
                depth += 1;
                false
            }
            ']' => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[test]
fn places_lie_between_characters() {
    for text in ["a[1, \"ቓ", "a['ቓ", "ቓ[ቓ,", "{a[1, \"ቓ]}", "'ቓ\\ቓ", "a.ቓ", "1.5ቓ", "‘ቓ", "ቓ(", "[ቓ"]
    {
        check_errors(text, &compile(text, &Env::facts()).expect_err("must be refused"));
        if let Err(errors) = Template::compile(&format!("ቓ{{{text}}}"), &Env::facts()) {
            check_errors(&format!("ቓ{{{text}}}"), &errors);
        }
    }
}

#[test]
fn hostile_expressions_are_errors() {
    let refused = |text: String, why: &str| {
        let errors = compile(&text, &Env::facts()).expect_err("must be refused");
        assert!(errors.iter().any(|error| error.message.contains(why)), "{errors:?}");
        check_errors(&text, &errors);
    };
    refused("1 + ".repeat(8000) + "1", "longer than 16 KiB");
    refused("(".repeat(8000), "nested deeper");
    refused("[".repeat(8000) + &"]".repeat(8000), "nested deeper");
    refused("!".repeat(8000) + "true", "nested deeper");
    refused("-".repeat(8000) + "1", "nested deeper");
    refused("cluster".to_owned() + &".a".repeat(4000), "nested deeper");
    refused("1".to_owned() + &" + 1".repeat(1000), "nested deeper");
    refused("true ? 1 : ".repeat(1000) + "2", "nested deeper");
    refused("nodes[0]".to_owned() + &"[0]".repeat(1000), "nested deeper");
    refused("size(".repeat(1000) + "nodes", "nested deeper");
    let nested = (0..20).fold(String::new(), |text, at| text + &format!("nodes.all(v{at}, "));
    refused(nested + "true" + &")".repeat(20), "variables at a time");
    refused("@ ".repeat(1000), "unexpected");
    refused("'a'.matches(r'(a{1000}){1000}')".to_owned(), "regular expression");
    assert!(compile(&("true".to_owned() + &" && true".repeat(90)), &Env::facts()).is_ok());
}

#[test]
fn an_endless_evaluation_ends_unknown() {
    let list = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let text = (0..9).fold("true".to_owned(), |body, at| format!("{list}.all(v{at}, {body})"));
    let document = Document::empty();
    let program = compiled(&text);
    assert_eq!(program.test(&scope(&document)), None);
    let explained = program.explain(&scope(&document), &[]);
    assert!(explained.more);
    assert_eq!(explained.causes[0].why.as_deref(), Some("there are too many elements to look at"));
}

#[test]
fn computed_text_is_bounded() {
    let long = "a".repeat(600 << 10);
    let document = Document {
        cluster: crate::facts::Cluster { name: Some(long), ..Default::default() },
        ..Document::empty()
    };
    for text in ["size(cluster.name + cluster.name) > 0", "[cluster.name, cluster.name].join('') == ''"] {
        let program = compiled(text);
        assert_eq!(program.test(&scope(&document)), None);
        let causes = program.causes(&scope(&document), &[]);
        assert!(causes[0].why.as_deref().is_some_and(|why| why.contains("longer than")), "{causes:?}");
    }
}
