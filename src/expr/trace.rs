//! What an evaluation keeps beside the values: nothing, or what was read and why something is unknown.

use super::node::Root;
use crate::facts::{Value, push_element};

/// What an evaluation keeps beside the values. All of it is nothing at all when nobody asks.
pub(super) trait Tracer<'a> {
    /// What stands beside each value: where it is in the facts, and what it rests on.
    type Mark: Copy + Default;
    /// Whether anything is kept.
    const ON: bool;

    /// A variable, a parameter, or the document.
    fn root(&mut self, root: Root) -> Self::Mark;
    /// A field of what is marked.
    fn field(&mut self, of: Self::Mark, name: &'static str) -> Self::Mark;
    /// An element of the list that is marked.
    fn element(&mut self, of: Self::Mark, value: Value<'a>, position: usize) -> Self::Mark;
    /// The same place, now resting on having been read.
    fn read(&mut self, at: Self::Mark, value: Value<'a>) -> Self::Mark;
    /// No place, resting on both.
    fn join(&mut self, a: Self::Mark, b: Self::Mark) -> Self::Mark;
    /// The place of the first, resting on both.
    fn also(&mut self, at: Self::Mark, other: Self::Mark) -> Self::Mark;
    /// No place; known, so that what is missing below is no cause of anything unknown.
    fn settled(&mut self, on: Self::Mark) -> Self::Mark;
    /// No place; an element that decided, and what it rests on.
    fn deciding(&mut self, element: Self::Mark, on: Self::Mark) -> Self::Mark;
    /// No place; unknown, because what it rests on cannot be used.
    fn fault(&mut self, on: Self::Mark, why: impl FnOnce() -> String) -> Self::Mark;
}

/// Keeps nothing.
pub(super) struct Untraced;

impl<'a> Tracer<'a> for Untraced {
    type Mark = ();
    const ON: bool = false;

    fn root(&mut self, _: Root) {}
    fn field(&mut self, (): (), _: &'static str) {}
    fn element(&mut self, (): (), _: Value<'a>, _: usize) {}
    fn read(&mut self, (): (), _: Value<'a>) {}
    fn join(&mut self, (): (), (): ()) {}
    fn also(&mut self, (): (), (): ()) {}
    fn settled(&mut self, (): ()) {}
    fn deciding(&mut self, (): (), (): ()) {}
    fn fault(&mut self, (): (), _: impl FnOnce() -> String) {}
}

/// How many entries of either kind are kept; a hostile document must not fill the memory.
const MAX_KEPT: usize = 1 << 20;

/// Keeps where every value comes from and what it rests on.
#[derive(Default)]
pub(super) struct Traced<'a> {
    places: Vec<Place<'a>>,
    grounds: Vec<Ground<'a>>,
}

/// A place in the facts and a ground, both as one more than the position in their lists; 0 is none.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    place: u32,
    ground: u32,
}

enum Place<'a> {
    Root(Root),
    Field(u32, &'static str),
    Element(u32, Value<'a>, usize),
}

/// What a value rests on.
enum Ground<'a> {
    Read(u32, Value<'a>),
    Both(u32, u32),
    Settled(u32),
    Deciding(u32, u32),
    Fault(u32, u32, String),
}

fn keep<T>(list: &mut Vec<T>, entry: T) -> u32 {
    if list.len() >= MAX_KEPT {
        return 0;
    }
    list.push(entry);
    u32::try_from(list.len()).unwrap_or(0)
}

fn kept<T>(list: &[T], at: u32) -> Option<&T> {
    (at as usize).checked_sub(1).and_then(|at| list.get(at))
}

impl<'a> Tracer<'a> for Traced<'a> {
    type Mark = Mark;
    const ON: bool = true;

    fn root(&mut self, root: Root) -> Mark {
        Mark { place: keep(&mut self.places, Place::Root(root)), ground: 0 }
    }

    fn field(&mut self, of: Mark, name: &'static str) -> Mark {
        if of.place == 0 {
            return of;
        }
        Mark { place: keep(&mut self.places, Place::Field(of.place, name)), ground: 0 }
    }

    fn element(&mut self, of: Mark, value: Value<'a>, position: usize) -> Mark {
        if of.place == 0 {
            return of;
        }
        Mark { place: keep(&mut self.places, Place::Element(of.place, value, position)), ground: 0 }
    }

    fn read(&mut self, at: Mark, value: Value<'a>) -> Mark {
        if at.place == 0 {
            return at;
        }
        Mark { place: at.place, ground: keep(&mut self.grounds, Ground::Read(at.place, value)) }
    }

    fn join(&mut self, a: Mark, b: Mark) -> Mark {
        let ground = match (a.ground, b.ground) {
            (0, other) | (other, 0) => other,
            (a, b) if a == b => a,
            (a, b) => match keep(&mut self.grounds, Ground::Both(a, b)) {
                0 => a,
                joined => joined,
            },
        };
        Mark { place: 0, ground }
    }

    fn also(&mut self, at: Mark, other: Mark) -> Mark {
        Mark { place: at.place, ..self.join(at, other) }
    }

    fn settled(&mut self, on: Mark) -> Mark {
        let ground = match kept(&self.grounds, on.ground) {
            None | Some(Ground::Settled(_)) => on.ground,
            Some(_) => keep(&mut self.grounds, Ground::Settled(on.ground)),
        };
        Mark { place: 0, ground }
    }

    fn deciding(&mut self, element: Mark, on: Mark) -> Mark {
        let on = self.join(element, on);
        if element.place == 0 {
            return on;
        }
        Mark { place: 0, ground: keep(&mut self.grounds, Ground::Deciding(element.place, on.ground)) }
    }

    fn fault(&mut self, on: Mark, why: impl FnOnce() -> String) -> Mark {
        Mark { place: 0, ground: keep(&mut self.grounds, Ground::Fault(on.place, on.ground, why())) }
    }
}

/// One thing that a value rests on. Places are for [`Traced::path`].
pub(super) enum Told<'t, 'a> {
    /// A fact that was read, missing or not; whether it is the cause of something unknown.
    Read { place: u32, value: Value<'a>, cause: bool },
    /// A value that cannot be used, and why.
    Fault { place: u32, why: &'t str },
    /// An element that decided.
    Deciding { place: u32 },
}

impl<'a> Traced<'a> {
    /// Tells all that a value rests on, in the order in which it was read.
    pub(super) fn tell(&self, of: Mark, mut listen: impl FnMut(Told<'_, 'a>)) {
        let mut open = vec![(of.ground, true)];
        // A ground can stand below many others; it is told once as a cause and once as none.
        let mut told = [vec![false; self.grounds.len() + 1], vec![false; self.grounds.len() + 1]];
        while let Some((at, cause)) = open.pop() {
            let Some(ground) = kept(&self.grounds, at) else { continue };
            if std::mem::replace(&mut told[usize::from(cause)][at as usize], true) {
                continue;
            }
            match ground {
                Ground::Read(place, value) => listen(Told::Read { place: *place, value: *value, cause }),
                Ground::Both(a, b) => open.extend([(*b, cause), (*a, cause)]),
                Ground::Settled(on) => open.push((*on, false)),
                Ground::Deciding(place, on) => {
                    open.push((*on, cause));
                    listen(Told::Deciding { place: *place });
                }
                Ground::Fault(place, on, why) => {
                    open.push((*on, false));
                    if cause {
                        listen(Told::Fault { place: *place, why });
                    }
                }
            }
        }
    }

    /// The path of a place, with the paths of variables and parameters given.
    pub(super) fn path(&self, place: u32, roots: &dyn Fn(Root) -> Option<String>) -> Option<String> {
        match kept(&self.places, place)? {
            Place::Root(root) => roots(*root),
            Place::Field(of, name) => {
                let mut path = self.path(*of, roots)?;
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                Some(path)
            }
            Place::Element(of, value, position) => {
                let mut path = self.path(*of, roots)?;
                push_element(&mut path, *value, *position);
                Some(path)
            }
        }
    }
}
