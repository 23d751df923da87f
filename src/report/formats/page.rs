//! What can be told of the page without a browser: contrast of its colours (WCAG 2.2, 1.4.3), landmarks, headings, tables.

use super::{elements, everything_hostile, of_all_kinds};
use crate::report::{Drawn, DrawnNetwork, DrawnNode, DrawnWay, Tap, to_html};
use crate::rule::Status;
use std::collections::HashMap;

const STYLE: &str = include_str!("../html/style.css");

/// The colours of each scheme: light, dark, printed. What a scheme does not set is that of the light one.
fn schemes() -> Vec<HashMap<&'static str, [f64; 3]>> {
    let blocks = STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap_or_default());
    let schemes: Vec<HashMap<&str, [f64; 3]>> = blocks
        .map(|block| {
            let pairs = block.split(';').filter_map(|pair| pair.trim().strip_prefix("--")?.split_once(": #"));
            pairs.map(|(name, hex)| (name, colour(hex))).collect()
        })
        .collect();
    schemes
}

/// `fff` or `1b1f24` as shares of red, green and blue.
fn colour(hex: &str) -> [f64; 3] {
    let full: String =
        if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&full[at..at + 2], 16).expect("a colour")) / 255.0)
}

/// The contrast of two colours, 1 to 21.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let linear = colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_colour_of_text_can_be_read_on_every_ground() {
    let black_on_white = contrast(colour("000"), colour("fff"));
    assert!((black_on_white - 21.0).abs() < 0.01, "{black_on_white}");
    let schemes = schemes();
    assert_eq!(schemes.len(), 3, "light, dark, printed");
    for (scheme, colours) in ["light", "dark", "printed"].iter().zip(&schemes) {
        assert_eq!(colours.len(), 11 + usize::from(colours.contains_key("accent")), "{scheme}: {colours:?}");
        let grounds = ["back", "panel"];
        for (name, text) in colours.iter().filter(|(name, _)| !grounds.contains(name) && **name != "line") {
            for ground in grounds {
                let ratio = contrast(*text, colours[ground]);
                assert!(ratio >= 4.5, "{scheme}: {name} on {ground} has {ratio:.2}, 4.5 are needed");
            }
        }
    }
}

#[test]
fn a_page_can_be_walked_through_without_seeing_it() {
    for report in [of_all_kinds(), everything_hostile()] {
        let page = to_html(&report);
        let elements = elements(&page);
        let attribute = |attributes: &[(String, String)], wanted: &str| {
            attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        for landmark in ["header", "nav", "main", "footer", "h1"] {
            assert_eq!(elements.iter().filter(|(name, _)| name == landmark).count(), 1, "{landmark}");
        }
        // The first thing that the keyboard reaches leads past the head of the page.
        let first = elements.iter().find(|(name, _)| name == "a").expect("a link");
        assert_eq!(attribute(&first.1, "href").as_deref(), Some("#findings"));
        let mut level = 0;
        for (name, attributes) in &elements {
            if let Some(deep) = name.strip_prefix('h').and_then(|deep| deep.parse::<usize>().ok()) {
                assert!(deep <= level + 1, "<{name}> below h{level}");
                level = deep;
            }
            match name.as_str() {
                "html" => assert_eq!(attribute(attributes, "lang").as_deref(), Some("en")),
                "th" => assert!(attribute(attributes, "scope").is_some(), "<th> of a row or of a column?"),
                "svg" => assert_eq!(attribute(attributes, "role").as_deref(), Some("img")),
                "section" => assert!(attribute(attributes, "aria-labelledby").is_some()),
                _ => {}
            }
            // What scrolls can be reached and has a name.
            if attribute(attributes, "class").as_deref() == Some("scroll") {
                assert_eq!(attribute(attributes, "tabindex").as_deref(), Some("0"));
                assert!(attribute(attributes, "aria-label").is_some());
            }
        }
    }
}

#[test]
fn a_page_that_is_wider_than_paper_is_printed_in_parts() {
    let names: Vec<String> = (0..12).map(|number| format!("node{number:02}")).collect();
    let ways = names.iter().flat_map(|from| names.iter().map(move |to| (from, to)));
    let mut report = of_all_kinds();
    report.drawn = Some(Drawn {
        nodes: names.iter().map(|name| DrawnNode { name: name.clone(), ..DrawnNode::default() }).collect(),
        networks: vec![DrawnNetwork {
            name: "lan".into(),
            taps: names.iter().map(|_| Some(Tap { nics: vec!["eth0".into()], ..Tap::default() })).collect(),
            ..DrawnNetwork::default()
        }],
        ways: ways
            .map(|(from, to)| DrawnWay {
                from: from.clone(),
                to: to.clone(),
                round_trip_us: Some(200),
                worst: (from == "node03" && to == "node11").then_some(Status::Fail),
                ..DrawnWay::default()
            })
            .collect(),
        ..Drawn::default()
    });
    let page = to_html(&report);
    // A drawing of five nodes each, a table of eight each; on a screen one of each, which scrolls.
    assert_eq!(page.matches("<div class=\"printed\">").count(), 3 + 2);
    assert_eq!(page.matches("class=\"scroll screen\"").count(), 2);
    assert_eq!(page.matches("<th scope=\"col\">node07</th>").count(), 2, "on a screen and on paper");
    assert_eq!(page.matches("<td class=\"odd\">0.20 ms ✗</td>").count(), 2);
    let mut ids: Vec<String> = Vec::new();
    for (name, attributes) in elements(&page) {
        for (_, id) in attributes.into_iter().filter(|(name, _)| name == "id") {
            assert!(!ids.contains(&id), "<{name} id={id}> stands twice");
            ids.push(id);
        }
    }
    let few = to_html(&of_all_kinds());
    assert!(!few.contains("class=\"printed\"") && !few.contains("scroll screen"), "what fits is there once");
}
