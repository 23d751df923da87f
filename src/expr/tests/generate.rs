//! Random documents and random expressions of the right types, out of random bytes (so that a failing case shrinks).

use super::super::syntax::{Expr, Kind, Operator, Word};
use crate::facts::{Cluster, Document, Network, NetworkRole, Nic, Node, Os};

/// Random choices. When the bytes are used up, every choice is the first.
pub(super) struct Entropy<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Entropy<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Entropy { bytes: bytes.iter() }
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % limit
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }
}

const TEXTS: &[&str] = &["a", "b", "ab", "", "A", "bä"];
const NUMBERS: &[i64] = &[0, 1, 2, 3, -1, 7, i64::MAX, i64::MIN];

fn text(entropy: &mut Entropy<'_>) -> String {
    entropy.of(TEXTS).to_owned()
}

/// A document of which every fact that [`Writer`] asks for is known.
pub(super) fn document(entropy: &mut Entropy<'_>) -> Document {
    let nodes = (0..entropy.below(4)).map(|at| Node {
        name: format!("n{at}"),
        reached: Some(entropy.yes()),
        updates: Some((0..entropy.below(3)).map(|_| text(entropy)).collect()),
        os: Os { build: Some(text(entropy)), service_pack: Some(entropy.of(NUMBERS)), ..Os::default() },
        nics: Some(
            (0..entropy.below(4))
                .map(|at| Nic {
                    name: format!("e{at}"),
                    mtu: Some(entropy.of(NUMBERS)),
                    link_up: Some(entropy.yes()),
                    driver: Some(text(entropy)),
                    ..Nic::default()
                })
                .collect(),
        ),
        ..Node::default()
    });
    let nodes = nodes.collect();
    let networks = (0..entropy.below(3)).map(|at| Network {
        name: format!("w{at}"),
        role: Some(entropy.of(NetworkRole::ALL)),
        ..Network::default()
    });
    Document {
        nodes,
        networks: networks.collect(),
        cluster: Cluster {
            name: Some(text(entropy)),
            votes: Some(entropy.of(NUMBERS)),
            ..Cluster::default()
        },
        ..Document::empty()
    }
}

/// Takes facts away, and gives their paths.
pub(super) fn forget(document: &mut Document, entropy: &mut Entropy<'_>) -> Vec<String> {
    fn lose<T>(fact: &mut Option<T>, path: String, entropy: &mut Entropy<'_>, lost: &mut Vec<String>) {
        if entropy.below(3) == 1 {
            *fact = None;
            lost.push(path);
        }
    }
    let mut lost = Vec::new();
    for node in &mut document.nodes {
        let path = format!("nodes[{}]", node.name);
        lose(&mut node.reached, format!("{path}.reached"), entropy, &mut lost);
        lose(&mut node.updates, format!("{path}.updates"), entropy, &mut lost);
        lose(&mut node.os.build, format!("{path}.os.build"), entropy, &mut lost);
        lose(&mut node.os.service_pack, format!("{path}.os.service_pack"), entropy, &mut lost);
        for nic in node.nics.iter_mut().flatten() {
            let path = format!("{path}.nics[{}]", nic.name);
            lose(&mut nic.mtu, format!("{path}.mtu"), entropy, &mut lost);
            lose(&mut nic.link_up, format!("{path}.link_up"), entropy, &mut lost);
            lose(&mut nic.driver, format!("{path}.driver"), entropy, &mut lost);
        }
        lose(&mut node.nics, format!("{path}.nics"), entropy, &mut lost);
    }
    for network in &mut document.networks {
        lose(&mut network.role, format!("networks[{}].role", network.name), entropy, &mut lost);
    }
    lose(&mut document.cluster.name, "cluster.name".to_owned(), entropy, &mut lost);
    lose(&mut document.cluster.votes, "cluster.votes".to_owned(), entropy, &mut lost);
    lost
}

/// What an expression is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Bool,
    Int,
    Text,
    Role,
    Ints,
    Texts,
    Node,
    Nic,
    Network,
    Nodes,
    Nics,
    Networks,
}

/// Writes random expressions.
pub(super) struct Writer<'b, 'e> {
    pub(super) entropy: &'e mut Entropy<'b>,
    /// Whether to use what CEL does not have.
    pub(super) own: bool,
    variables: Vec<(String, Want)>,
}

fn make(kind: Kind) -> Expr {
    Expr { kind, range: 0..0, depth: 1 }
}

fn word(text: &str) -> Word {
    Word { text: text.to_owned(), range: 0..0 }
}

pub(super) fn name(text: &str) -> Expr {
    make(Kind::Name(text.to_owned()))
}

fn field(base: Expr, field: &str) -> Expr {
    make(Kind::Field(base.into(), word(field)))
}

pub(super) fn method(base: Expr, method: &str, arguments: Vec<Expr>) -> Expr {
    make(Kind::Method(base.into(), word(method), arguments))
}

pub(super) fn call(function: &str, argument: Expr) -> Expr {
    make(Kind::Call(word(function), vec![argument]))
}

pub(super) fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    make(Kind::Binary(operator, left.into(), right.into()))
}

pub(super) fn not(of: Expr) -> Expr {
    make(Kind::Not(of.into()))
}

pub(super) fn int(value: i64) -> Expr {
    make(Kind::Int(value))
}

pub(super) fn bool(value: bool) -> Expr {
    make(Kind::Bool(value))
}

impl<'b, 'e> Writer<'b, 'e> {
    pub(super) fn new(entropy: &'e mut Entropy<'b>, own: bool) -> Self {
        Writer { entropy, own, variables: Vec::new() }
    }

    /// An expression of a type.
    pub(super) fn write(&mut self, want: Want, depth: usize) -> Expr {
        if depth == 0 {
            return self.leaf(want);
        }
        let depth = depth - 1;
        match want {
            Want::Bool => self.condition(depth),
            Want::Int => self.number(depth),
            Want::Text => self.text(depth),
            Want::Role | Want::Node | Want::Nic | Want::Network => self.leaf(want),
            Want::Ints => self.list(want, Want::Int, depth),
            Want::Texts => self.list(want, Want::Text, depth),
            Want::Nodes => self.list(want, Want::Node, depth),
            Want::Nics => self.list(want, Want::Nic, depth),
            Want::Networks => self.list(want, Want::Network, depth),
        }
    }

    /// A variable of a type, or an element by its index.
    fn one(&mut self, want: Want, list: Expr) -> Expr {
        let fitting: Vec<String> =
            self.variables.iter().filter(|(_, is)| *is == want).map(|(name, _)| name.clone()).collect();
        if fitting.is_empty() || self.entropy.below(4) == 3 {
            let index = int(i64::try_from(self.entropy.below(3)).expect("small"));
            return make(Kind::Index(list.into(), index.into()));
        }
        name(&self.entropy.of(&fitting))
    }

    fn leaf(&mut self, want: Want) -> Expr {
        if self.entropy.yes()
            && let Some((name, _)) = self.variables.iter().rev().find(|(_, is)| *is == want)
        {
            return make(Kind::Name(name.clone()));
        }
        match want {
            Want::Bool => match self.entropy.below(4) {
                0 => bool(true),
                1 => bool(false),
                2 => field(self.node(), "reached"),
                _ => field(self.nic(), "link_up"),
            },
            Want::Int => match self.entropy.below(4) {
                0 => int(self.entropy.of(NUMBERS)),
                1 => field(self.node_os(), "service_pack"),
                2 => field(self.nic(), "mtu"),
                _ => field(name("cluster"), "votes"),
            },
            Want::Text => match self.entropy.below(5) {
                0 => make(Kind::Str(text(self.entropy))),
                1 => field(self.node_os(), "build"),
                2 => field(self.nic(), "driver"),
                3 => field(self.node(), "name"),
                _ => field(name("cluster"), "name"),
            },
            Want::Role => match self.entropy.below(2) {
                0 => make(Kind::Str(self.entropy.of(NetworkRole::ALL).word().to_owned())),
                _ => field(self.write(Want::Network, 0), "role"),
            },
            Want::Ints => {
                let elements = (0..=self.entropy.below(3)).map(|_| int(self.entropy.of(NUMBERS))).collect();
                make(Kind::List(elements))
            }
            Want::Texts => match self.entropy.below(2) {
                0 => {
                    let texts =
                        (0..=self.entropy.below(2)).map(|_| make(Kind::Str(text(self.entropy)))).collect();
                    make(Kind::List(texts))
                }
                _ => field(self.node(), "updates"),
            },
            Want::Node => self.node(),
            Want::Nic => self.nic(),
            Want::Network => self.one(Want::Network, name("networks")),
            Want::Nodes => name("nodes"),
            Want::Nics => field(self.node(), "nics"),
            Want::Networks => name("networks"),
        }
    }

    fn node(&mut self) -> Expr {
        self.one(Want::Node, name("nodes"))
    }

    fn node_os(&mut self) -> Expr {
        field(self.node(), "os")
    }

    fn nic(&mut self) -> Expr {
        let nics = field(self.node(), "nics");
        self.one(Want::Nic, nics)
    }

    /// A list to go over, and what its elements are.
    fn over(&mut self, depth: usize) -> (Expr, Want) {
        let (list, element) = self.entropy.of(&[
            (Want::Nodes, Want::Node),
            (Want::Nics, Want::Nic),
            (Want::Networks, Want::Network),
            (Want::Ints, Want::Int),
            (Want::Texts, Want::Text),
        ]);
        (self.write(list, depth), element)
    }

    /// A part with a new variable in reach.
    fn with(&mut self, element: Want, want: Want, depth: usize) -> (Expr, Expr) {
        let variable = format!("v{}", self.variables.len());
        self.variables.push((variable.clone(), element));
        let body = self.write(want, depth);
        self.variables.pop();
        (name(&variable), body)
    }

    fn pair(&mut self, operator: Operator, want: Want, depth: usize) -> Expr {
        let left = self.write(want, depth);
        binary(operator, left, self.write(want, depth))
    }

    fn choose(&mut self, want: Want, depth: usize) -> Expr {
        let condition = self.write(Want::Bool, depth);
        let (then, otherwise) = (self.write(want, depth), self.write(want, depth));
        make(Kind::Choose(condition.into(), then.into(), otherwise.into()))
    }

    fn condition(&mut self, depth: usize) -> Expr {
        match self.entropy.below(12) {
            0 => self.leaf(Want::Bool),
            1 => self.pair(Operator::And, Want::Bool, depth),
            2 => self.pair(Operator::Or, Want::Bool, depth),
            3 => not(self.write(Want::Bool, depth)),
            4 => {
                let operator = self.entropy.of(&[Operator::Equal, Operator::Unequal]);
                let want = self.entropy.of(&[
                    Want::Int,
                    Want::Text,
                    Want::Role,
                    Want::Bool,
                    Want::Ints,
                    Want::Texts,
                ]);
                self.pair(operator, want, depth)
            }
            5 => {
                let operator = self.entropy.of(&[
                    Operator::Less,
                    Operator::LessEqual,
                    Operator::Greater,
                    Operator::GreaterEqual,
                ]);
                let want = self.entropy.of(&[Want::Int, Want::Text]);
                self.pair(operator, want, depth)
            }
            6 => {
                let (element, list) = self.entropy.of(&[(Want::Int, Want::Ints), (Want::Text, Want::Texts)]);
                let element = self.write(element, depth);
                binary(Operator::In, element, self.write(list, depth))
            }
            7..=9 => {
                let which = self.entropy.of(&["all", "exists", "exists_one"]);
                let (list, element) = self.over(depth);
                let (variable, body) = self.with(element, Want::Bool, depth);
                method(list, which, vec![variable, body])
            }
            10 => {
                let which = self.entropy.of(&["startsWith", "endsWith", "contains"]);
                let text = self.write(Want::Text, depth);
                method(text, which, vec![self.write(Want::Text, depth)])
            }
            _ => self.choose(Want::Bool, depth),
        }
    }

    fn number(&mut self, depth: usize) -> Expr {
        match self.entropy.below(9) {
            0 => self.leaf(Want::Int),
            1 => make(Kind::Minus(self.write(Want::Int, depth).into())),
            2..=4 => {
                let operator = self.entropy.of(&[
                    Operator::Add,
                    Operator::Subtract,
                    Operator::Multiply,
                    Operator::Divide,
                    Operator::Remainder,
                ]);
                self.pair(operator, Want::Int, depth)
            }
            5 => {
                let (list, _) = self.over(depth);
                call("size", list)
            }
            6 => call("size", self.write(Want::Text, depth)),
            7 if self.own => {
                let list = self.write(Want::Ints, depth);
                method(list, self.entropy.of(&["min", "max", "sum"]), Vec::new())
            }
            _ => self.choose(Want::Int, depth),
        }
    }

    fn text(&mut self, depth: usize) -> Expr {
        match self.entropy.below(4) {
            0 => self.leaf(Want::Text),
            1 => self.pair(Operator::Add, Want::Text, depth),
            2 if self.own => {
                let list = self.write(Want::Texts, depth);
                let separator = self.write(Want::Text, depth);
                method(list, "join", vec![separator])
            }
            _ => self.choose(Want::Text, depth),
        }
    }

    fn list(&mut self, want: Want, element: Want, depth: usize) -> Expr {
        let plain = matches!(element, Want::Int | Want::Text);
        match self.entropy.below(6) {
            0 => self.leaf(want),
            1 => {
                let list = self.write(want, depth);
                let (variable, body) = self.with(element, Want::Bool, depth);
                method(list, "filter", vec![variable, body])
            }
            2 if plain => {
                let (list, from) = self.over(depth);
                let (variable, body) = self.with(from, element, depth);
                method(list, "map", vec![variable, body])
            }
            3 if plain && self.own => {
                let list = self.write(want, depth);
                method(list, self.entropy.of(&["sort", "distinct"]), Vec::new())
            }
            4 if want == Want::Nics && self.own => {
                let nodes = self.write(Want::Nodes, depth);
                let body = field(name("w"), "nics");
                method(method(nodes, "map", vec![name("w"), body]), "flatten", Vec::new())
            }
            5 => self.choose(want, depth),
            _ => self.pair(Operator::Add, want, depth),
        }
    }
}
