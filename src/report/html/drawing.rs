//! The cluster as a drawing (SVG): a column for each node, a row for each network and each LUN; at each crossing what the node
//! has there. What is missing is a broken red line, so that it is seen where it should be.

use super::measure::{fit, fits};
use crate::report::drawn::{Drawn, DrawnLun, DrawnNetwork, DrawnNode, Tap};
use crate::report::text::{escape_markup, printable};
use crate::rule::Status;
use std::fmt::Write;

/// Width of the words at the left of a row.
const LABEL: usize = 250;
/// Width of a node's column.
const COLUMN: usize = 148;
/// Width of the portals at the right.
const PORTALS: usize = 230;
/// Height of a network's row, and of a LUN's.
const NETWORK: usize = 64;
const LUN: usize = 34;
/// Where the rows begin.
const TOP: usize = 70;
/// From the edge of a column to its boxes: those of nodes, of what they have on a network, of their paths to a LUN.
const NODE_EDGE: usize = 6;
const TAP_EDGE: usize = 10;
const PATH_EDGE: usize = 22;
/// From the left of the drawing to the words, and from them to the first column.
const LABEL_EDGE: usize = 8;
/// From the edge of a box to the words in it, at each side.
const PADDING: usize = 5;
/// Room for words: at the left of a row, in the boxes of a column, in that of a portal.
const LABEL_ROOM: usize = LABEL - 2 * LABEL_EDGE;
const NODE_ROOM: usize = COLUMN - 2 * NODE_EDGE - 2 * PADDING;
const TAP_ROOM: usize = COLUMN - 2 * TAP_EDGE - 2 * PADDING;
const PATH_ROOM: usize = COLUMN - 2 * PATH_EDGE - 2 * PADDING;
const PORTAL_ROOM: usize = PORTAL - 2 * PADDING;
/// Width of the box of a portal.
const PORTAL: usize = PORTALS - 24;

/// The drawing, or none where there is no node to draw.
/// `mark` sets its names apart from those of other drawings on the page.
pub(super) fn draw(drawn: &Drawn, mark: &str) -> Option<String> {
    if drawn.nodes.is_empty() || (drawn.networks.is_empty() && drawn.luns.is_empty()) {
        return None;
    }
    let portals = drawn.networks.iter().any(|network| !network.portals.is_empty());
    let right = LABEL + drawn.nodes.len() * COLUMN;
    let width = right + if portals { PORTALS } else { 20 };
    let rows: Vec<usize> =
        drawn.networks.iter().map(|network| NETWORK.max(30 + network.portals.len() * 26)).collect();
    let height = TOP + rows.iter().sum::<usize>() + heading(drawn) + drawn.luns.len() * LUN + 16;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"drawing-t{mark} drawing-d{mark}\"><title id=\"drawing-t{mark}\">The cluster</title>\
         <desc id=\"drawing-d{mark}\">{}</desc>",
        escaped(&description(drawn))
    );
    let bottom = height - 10;
    for (at, node) in drawn.nodes.iter().enumerate() {
        node_box(&mut out, at, node, bottom);
    }
    let mut y = TOP;
    for (network, row) in drawn.networks.iter().zip(rows) {
        network_row(&mut out, network, y, right);
        y += row;
    }
    let mut target = None;
    if !drawn.luns.is_empty() {
        y += heading(drawn);
    }
    for lun in &drawn.luns {
        let first = target != Some(&lun.target);
        target = Some(&lun.target);
        lun_row(&mut out, lun, y, right, first);
        y += LUN;
    }
    out.push_str("</svg>");
    Some(out)
}

/// Room above the LUNs.
fn heading(drawn: &Drawn) -> usize {
    if drawn.luns.is_empty() { 0 } else { 18 }
}

fn description(drawn: &Drawn) -> String {
    let gone = drawn.nodes.iter().filter(|node| node.reached == Some(false)).count();
    format!(
        "{} nodes, {gone} of them not reached, {} networks, {} LUNs. The findings below say in words what is marked.",
        drawn.nodes.len(),
        drawn.networks.iter().filter(|network| !network.name.is_empty()).count(),
        drawn.luns.len()
    )
}

fn node_box(out: &mut String, at: usize, node: &DrawnNode, bottom: usize) {
    let x = LABEL + at * COLUMN;
    let middle = x + COLUMN / 2;
    let class = if node.reached == Some(false) { "blind" } else { mark(node.worst) };
    let _ = write!(
        out,
        "<line class=\"wire\" x1=\"{middle}\" y1=\"46\" x2=\"{middle}\" y2=\"{bottom}\" stroke-opacity=\".35\"/>"
    );
    let _ = write!(
        out,
        "<rect class=\"box {class}\" x=\"{}\" y=\"14\" width=\"{}\" height=\"34\" rx=\"5\"/>",
        x + NODE_EDGE,
        COLUMN - 2 * NODE_EDGE
    );
    text(out, middle, 30, "middle", "", &node.name, NODE_ROOM);
    let words = match (node.reached, node.worst) {
        (Some(false), _) => "not reached",
        (_, Some(Status::Fail)) => "✗ fails",
        (_, Some(Status::Unknown)) => "? not all known",
        (_, Some(Status::Warn)) => "! warned of",
        (None, _) => "declared",
        _ => "✓",
    };
    text(out, middle, 43, "middle", small(class), words, NODE_ROOM);
}

fn network_row(out: &mut String, network: &DrawnNetwork, y: usize, right: usize) {
    let wire = y + 30;
    let stray = network.name.is_empty();
    if stray {
        text(out, LABEL_EDGE, wire, "start", "soft", "on no network of the plan", LABEL_ROOM);
    } else {
        let class = mark(network.worst);
        let head = if network.role.is_empty() {
            network.name.clone()
        } else {
            format!("{} ({})", network.name, network.role)
        };
        text(out, LABEL_EDGE, wire - 12, "start", small(class), &head, LABEL_ROOM);
        text(out, LABEL_EDGE, wire + 3, "start", "soft", &network.subnets.join(", "), LABEL_ROOM);
        let switches = match network.switches.as_slice() {
            [] => String::new(),
            [one] => format!("switch {one}"),
            several => format!("switches {}", several.join(", ")),
        };
        text(out, LABEL_EDGE, wire + 18, "start", "soft", &switches, LABEL_ROOM);
        let class = if class.is_empty() { "wire" } else { class };
        let _ = write!(
            out,
            "<line class=\"wire {class}\" x1=\"{LABEL}\" y1=\"{wire}\" x2=\"{right}\" y2=\"{wire}\"/>"
        );
    }
    for (at, tap) in network.taps.iter().enumerate() {
        if !stray {
            tap_box(out, tap.as_ref(), LABEL + at * COLUMN, wire);
        }
    }
    for (at, portal) in network.portals.iter().enumerate() {
        let class = if portal.login == Some(false) { "bad" } else { mark(portal.worst) };
        let top = wire - 12 + at * 26;
        let x = right + 14;
        let _ = write!(
            out,
            "<line class=\"wire {class}\" x1=\"{right}\" y1=\"{wire}\" x2=\"{x}\" y2=\"{}\"/>",
            top + 11
        );
        let _ = write!(
            out,
            "<rect class=\"box {class}\" x=\"{x}\" y=\"{top}\" width=\"{PORTAL}\" height=\"22\" rx=\"3\"/>"
        );
        let words = if portal.login == Some(false) {
            format!("✗ {}", portal.address)
        } else {
            portal.address.clone()
        };
        text(out, x + PADDING, top + 15, "start", small(class), &words, PORTAL_ROOM);
    }
}

fn tap_box(out: &mut String, tap: Option<&Tap>, x: usize, wire: usize) {
    let middle = x + COLUMN / 2;
    let (left, width) = (x + TAP_EDGE, COLUMN - 2 * TAP_EDGE);
    let Some(tap) = tap else {
        rect(out, "blind", left, wire - 13, width, 26);
        text(out, middle, wire + 4, "middle", "soft", "not known", TAP_ROOM);
        return;
    };
    let Some((first, rest)) = tap.nics.split_first() else {
        rect(out, "gone", left, wire - 13, width, 26);
        text(out, middle, wire + 4, "middle", "bad", "✗ missing", TAP_ROOM);
        return;
    };
    let class = if tap.up == Some(false) { "bad" } else { mark(tap.worst) };
    let head = if tap.up == Some(false) { "✗ down " } else { "" };
    let words = format!("{head}{}", tap.nics.join(" + "));
    if rest.is_empty() || fits(&words, TAP_ROOM) {
        rect(out, class, left, wire - 13, width, 26);
        text(out, middle, wire + 4, "middle", small(class), &words, TAP_ROOM);
    } else {
        rect(out, class, left, wire - 20, width, 40);
        text(out, middle, wire - 4, "middle", small(class), &format!("{head}{first}"), TAP_ROOM);
        text(out, middle, wire + 12, "middle", small(class), &format!("+ {}", rest.join(" + ")), TAP_ROOM);
    }
}

fn lun_row(out: &mut String, lun: &DrawnLun, y: usize, right: usize, first: bool) {
    let middle = y + LUN / 2;
    if first {
        let _ = write!(
            out,
            "<line class=\"wire\" x1=\"{LABEL_EDGE}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\" stroke-opacity=\".35\"/>"
        );
    }
    let class = mark(lun.worst);
    let parts = [lun.name.as_str(), &lun.role, &lun.size];
    let words: Vec<&str> = parts.into_iter().filter(|text| !text.is_empty()).collect();
    text(out, LABEL_EDGE, middle, "start", small(class), &words.join(", "), LABEL_ROOM);
    text(out, LABEL_EDGE, middle + 13, "start", "soft", &lun.target, LABEL_ROOM);
    for (at, paths) in lun.paths.iter().enumerate() {
        let x = LABEL + at * COLUMN;
        let (class, words) = match paths {
            None => ("blind", "not known".to_owned()),
            Some(0) => ("gone", "✗ not seen".to_owned()),
            Some(1) => ("bad", "1 path".to_owned()),
            Some(number) => ("", format!("{number} paths")),
        };
        rect(out, class, x + PATH_EDGE, middle - 10, COLUMN - 2 * PATH_EDGE, 20);
        text(
            out,
            x + COLUMN / 2,
            middle + 4,
            "middle",
            if class == "gone" { "bad" } else { small(class) },
            &words,
            PATH_ROOM,
        );
    }
}

/// The class of what rules say that of.
fn mark(worst: Option<Status>) -> &'static str {
    match worst {
        Some(Status::Fail) => "bad",
        Some(Status::Unknown) => "blind",
        Some(Status::Warn) => "odd",
        _ => "",
    }
}

/// The class of words in something of that class.
fn small(class: &str) -> &'static str {
    match class {
        "bad" | "gone" => "bad",
        "odd" => "odd",
        _ => "",
    }
}

fn rect(out: &mut String, class: &str, x: usize, y: usize, width: usize, height: usize) {
    let _ = write!(
        out,
        "<rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\"/>"
    );
}

/// Words, cut where there is no room, the whole then as a tooltip. `room` is in pixels.
fn text(out: &mut String, x: usize, y: usize, anchor: &str, class: &str, words: &str, room: usize) {
    let words = printable(words);
    if words.is_empty() {
        return;
    }
    let fitted = fit(&words, room);
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"");
    if !class.is_empty() {
        let _ = write!(out, " class=\"{class}\"");
    }
    if let Some(width) = fitted.width {
        let _ = write!(out, " textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"");
    }
    let _ = write!(out, ">{}", escaped(&fitted.shown));
    if fitted.cut {
        let _ = write!(out, "<title>{}</title>", escaped(&words));
    }
    out.push_str("</text>");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_markup(&mut out, text);
    out
}
