//! XML as a tree of elements with attributes, for the CIB and for the status of a cluster.
//!
//! Text between elements, comments, declarations and document types are left out. Depth and number of elements are bounded,
//! entities that a document declares are not resolved, and values hold no character that could drive a terminal.

use super::super::answer::harmless;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Elements stand so deep at most. A CIB needs about twelve.
const MAX_DEPTH: usize = 64;

/// So many elements are read at most. A CIB of a thousand resources has some forty thousand.
const MAX_ELEMENTS: usize = 500_000;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name.
    pub name: String,
    /// Its attributes in order.
    pub attributes: Vec<(String, String)>,
    /// The elements in it.
    pub children: Vec<Element>,
}

impl Element {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute, empty where it is not there.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// The first element of that name in it.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All elements of that name in it.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element and all below it, in the order of the document.
    pub fn walk(&self) -> impl Iterator<Item = &Element> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let next = stack.pop()?;
            stack.extend(next.children.iter().rev());
            Some(next)
        })
    }
}

/// Reads a document: what stands before its first element (messages of a tool) is left out.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let start = text.find('<').ok_or("there is no XML in it")?;
    let mut reader = Reader::from_str(&text[start..]);
    let mut open: Vec<Element> = Vec::new();
    let mut elements = 0;
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| format!("byte {at}: {error}"))?;
        let (element, ends) = match event {
            Event::Start(tag) => (element(&tag, at)?, false),
            Event::Empty(tag) => (element(&tag, at)?, true),
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| format!("byte {at}: an end without a start"))?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return Ok(done),
                }
                continue;
            }
            Event::Eof => return Err("it breaks off before its end".to_owned()),
            _ => continue,
        };
        elements += 1;
        if open.len() >= MAX_DEPTH || elements > MAX_ELEMENTS {
            return Err(format!(
                "byte {at}: more than {MAX_DEPTH} elements deep, or more than {MAX_ELEMENTS}"
            ));
        }
        if !ends {
            open.push(element);
            continue;
        }
        match open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => return Ok(element),
        }
    }
}

fn element(tag: &BytesStart<'_>, at: u64) -> Result<Element, String> {
    let name = clean(tag.name().as_ref());
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| format!("byte {at}: {error}"))?;
        let value =
            quick_xml::escape::unescape(&attribute.value).map_err(|error| format!("byte {at}: {error}"))?;
        attributes.push((clean(attribute.key.as_ref()), clean(&value)));
    }
    Ok(Element { name, attributes, children: Vec::new() })
}

/// One line without characters that could drive a terminal.
fn clean(text: &str) -> String {
    harmless(text.into()).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tree_is_read() {
        let tree = parse(
            "warning: x\n<?xml version=\"1.0\"?><!-- c --><a x=\"1 &lt; 2\"><b/><c y='2'><d/></c>text</a>",
        )
        .unwrap();
        assert_eq!((tree.name.as_str(), tree.get("x")), ("a", Some("1 < 2")));
        let names: Vec<&str> = tree.walk().map(|element| element.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(tree.child("c").and_then(|c| c.get("y")), Some("2"));
    }

    #[test]
    fn what_is_no_tree_is_told() {
        assert!(parse("Call cib_query failed").is_err());
        assert!(parse("<a><b></a>").is_err());
        assert!(parse("<a><b/>").unwrap_err().contains("breaks off"));
        assert!(parse(&"<a>".repeat(1000)).unwrap_err().contains("deep"));
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\">]><x y=\"&a;&a;\"/>";
        assert!(parse(bomb).is_err(), "entities of the document are not resolved");
    }

    #[test]
    fn values_cannot_drive_a_terminal() {
        let tree = parse("<a x=\"&#27;[31m&#10;y\"/>").unwrap();
        assert_eq!(tree.get("x"), Some("\u{fffd}[31m y"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_can_be_read(text in "(<|>|/|\"|=|&|;|#|a|b| |<a>|</a>|<!--|-->|\\]\\]>|<!\\[CDATA\\[){0,60}") {
            let _ = parse(&text);
        }
    }
}
