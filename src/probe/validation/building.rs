//! What the readers of sections write into: the nodes, and what is said of where facts come from or why they are missing.

use super::page::{Block, Mark, Page, Section, Table};
use super::shape::Known;
use super::value;
use crate::facts::{Disk, Gap, GapReason, Network, Nic, Node, Source, SourceKind};
use std::collections::HashMap;

/// A document in the making.
pub(super) struct Building<'p> {
    /// The report.
    pub page: &'p Page,
    /// What messages call the file.
    pub file: &'p str,
    /// The nodes, in the order of the report's head.
    pub nodes: Vec<Node>,
    /// The networks that Windows would make.
    pub networks: Vec<Network>,
    /// Why facts are missing.
    pub gaps: Vec<Gap>,
    /// Where facts come from.
    pub sources: Vec<Source>,
    names: HashMap<String, usize>,
}

/// A section with the test that it is of.
#[derive(Clone, Copy)]
pub(super) struct Reading<'p> {
    /// The section.
    pub section: &'p Section,
    /// How it was recognised.
    pub known: Known,
}

impl Reading<'_> {
    /// Whether the section's name is known, and with it which words stand in it.
    pub fn is_named(&self) -> bool {
        matches!(self.known, Known::Name(_))
    }
}

/// What a section says of one node.
pub(super) struct OfNode<'p> {
    /// Position of the node.
    pub node: usize,
    /// Its part of the section.
    pub blocks: Vec<&'p Block>,
}

impl<'p> OfNode<'p> {
    /// Its tables.
    pub fn tables(&self) -> impl Iterator<Item = &'p Table> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Its messages.
    pub fn messages(&self) -> impl Iterator<Item = (Mark, &'p str)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Message { mark, text, .. } => Some((*mark, text.as_str())),
            _ => None,
        })
    }

    /// Whether the report says in words that there is nothing of the kind.
    pub fn says_none(&self) -> bool {
        self.tables().next().is_none() && self.messages().any(|(_, text)| text.starts_with("None found"))
    }
}

impl<'p> Building<'p> {
    /// Begins with the nodes that the report names.
    pub fn new(page: &'p Page, file: &'p str, names: Vec<String>) -> Self {
        let mut building = Building {
            page,
            file,
            nodes: Vec::new(),
            networks: Vec::new(),
            gaps: Vec::new(),
            sources: Vec::new(),
            names: HashMap::new(),
        };
        let short = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
        for full in &names {
            let own = short(full);
            let clash = names.iter().filter(|other| short(other).eq_ignore_ascii_case(&own)).count() > 1;
            let name = if clash { full.clone() } else { own.clone() };
            let at = building.nodes.len();
            building.names.insert(full.to_lowercase(), at);
            if !clash {
                building.names.insert(own.to_lowercase(), at);
            }
            building.nodes.push(Node { name, hostname: Some(own), ..Node::default() });
        }
        building
    }

    /// The node of that name, short or with its domain.
    pub fn node(&self, name: &str) -> Option<usize> {
        let name = name.trim().to_lowercase();
        let short = || name.split('.').next().and_then(|short| self.names.get(short));
        self.names.get(&name).or_else(short).copied()
    }

    /// `hv1.example.com - Ethernet 2`: the node and the rest.
    pub fn node_and_rest<'t>(&self, text: &'t str) -> Option<(usize, &'t str)> {
        let (name, rest) = text.split_once(" - ")?;
        Some((self.node(name)?, rest.trim()))
    }

    /// A section by its nodes.
    pub fn by_node(&self, section: &'p Section) -> Vec<OfNode<'p>> {
        let mut parts: Vec<OfNode<'p>> = Vec::new();
        let mut open = false;
        for block in &section.blocks {
            match block {
                Block::Node(name) => {
                    open = false;
                    if let Some(node) = self.node(name) {
                        open = true;
                        parts.push(OfNode { node, blocks: Vec::new() });
                    }
                }
                other => {
                    if let Some(part) = parts.last_mut().filter(|_| open) {
                        part.blocks.push(other);
                    }
                }
            }
        }
        parts
    }

    /// Rows of tables whose first cell names a node: the node and the other cells.
    pub fn rows_of_nodes(&self, section: &'p Section) -> Vec<(usize, Vec<&'p str>)> {
        let rows = section.tables().flat_map(|table| &table.rows);
        rows.filter_map(|row| {
            let (first, rest) = row.split_first()?;
            Some((self.node(&first.text)?, rest.iter().map(|cell| cell.text.as_str()).collect()))
        })
        .collect()
    }

    /// Path of a node's fact.
    pub fn path(&self, node: usize, below: &str) -> String {
        format!("nodes[{}].{below}", self.nodes[node].name)
    }

    /// Says that a group of a node's facts comes from a section; once for each group, the first section counts.
    pub fn came(&mut self, node: usize, below: &str, section: &Section) {
        let path = self.path(node, below);
        self.came_at(path, section);
    }

    /// As [`came`](Self::came), by its whole path.
    pub fn came_at(&mut self, path: String, section: &Section) {
        if self.sources.iter().any(|source| source.path == path) {
            return;
        }
        self.sources.push(Source {
            path,
            kind: Some(SourceKind::Report),
            place: Some(self.file.to_owned()),
            item: Some(section.title.clone()),
        });
    }

    /// Says why a fact is missing.
    pub fn lacks(&mut self, path: String, detail: String) {
        if !self.gaps.iter().any(|gap| gap.path == path) {
            self.gaps.push(Gap { path, reason: Some(GapReason::NotCollected), detail: Some(detail) });
        }
    }

    /// The interface of that name on a node.
    pub fn nic(&mut self, node: usize, name: &str) -> Option<&mut Nic> {
        self.nodes[node].nics.as_mut()?.iter_mut().find(|nic| nic.name == name)
    }

    /// The disk of that name on a node, made where there is none.
    pub fn disk(&mut self, node: usize, name: &str) -> &mut Disk {
        let disks = self.nodes[node].disks.get_or_insert_default();
        let at = disks.iter().position(|disk| disk.name == name).unwrap_or_else(|| {
            disks.push(Disk { name: name.to_owned(), ..Disk::default() });
            disks.len() - 1
        });
        &mut disks[at]
    }
}

/// A table of names and values.
pub(super) struct Pairs<'p>(Vec<(&'p str, &'p str)>);

impl<'p> Pairs<'p> {
    /// Takes rows of two cells.
    pub fn of(table: &'p Table) -> Self {
        let rows = table.rows.iter().filter_map(|row| match row.as_slice() {
            [name, value] => Some((name.text.as_str(), value.text.as_str())),
            _ => None,
        });
        Pairs(rows.collect())
    }

    /// The value at a name, in English.
    pub fn named(&self, name: &str) -> Option<&'p str> {
        let found = self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value::known(value))
    }

    /// The value at a position.
    pub fn at(&self, position: usize) -> Option<&'p str> {
        self.0.get(position).and_then(|(_, value)| value::known(value))
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &'p str> {
        self.0.iter().map(|(_, value)| *value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Position of the column with one of these English names.
pub(super) fn column(table: &Table, names: &[&str]) -> Option<usize> {
    table.head.iter().position(|cell| names.iter().any(|name| cell.text.eq_ignore_ascii_case(name)))
}

/// Position of the only column whose every cell is as said.
pub(super) fn column_where(table: &Table, holds: impl Fn(&str) -> bool) -> Option<usize> {
    let wide = table.rows.iter().map(Vec::len).min()?;
    let mut fits = (0..wide).filter(|at| table.rows.iter().all(|row| holds(&row[*at].text)));
    fits.next()
}
