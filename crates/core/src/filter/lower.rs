//! Push-down: a filter becomes what the database can answer, and what is left to check here.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::{Filter, Leaf, Matcher};

/// How a database answers one leaf.
#[derive(Debug, Clone, PartialEq)]
pub enum Lowered<N> {
    /// The native filter matches exactly the records that the leaf matches.
    Exact(N),
    /// The native filter matches all of those, and possibly more.
    Superset(N),
    /// The database cannot help.
    Nothing,
}

impl<N> Lowered<N> {
    /// The same with the native filter changed.
    pub fn map<M>(self, change: impl FnOnce(N) -> M) -> Lowered<M> {
        match self {
            Self::Exact(native) => Lowered::Exact(change(native)),
            Self::Superset(native) => Lowered::Superset(change(native)),
            Self::Nothing => Lowered::Nothing,
        }
    }
}

/// How much of a leaf or of a whole filter the database answers; the less, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushDown {
    /// All of it.
    Exact,
    /// A part, or more than it: the rest is checked on the client.
    Superset,
    /// None of it.
    Nothing,
}

impl PushDown {
    /// A native filter that answers so much; nothing where there is none.
    pub fn lowered<N>(self, native: Option<N>) -> Lowered<N> {
        match (self, native) {
            (Self::Exact, Some(native)) => Lowered::Exact(native),
            (Self::Superset, Some(native)) => Lowered::Superset(native),
            (Self::Nothing, _) | (_, None) => Lowered::Nothing,
        }
    }
}

impl Display for PushDown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Superset => "superset",
            Self::Nothing => "nothing",
        })
    }
}

/// What a database can do with leaves. Negations arrive at the leaves, so no native `not` over a tree is needed.
pub trait Lowering {
    /// The database's own filter.
    type Native;

    /// A leaf, or where `negated` its complement, which records without the field meet too.
    fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<Self::Native>;

    /// `id in ids`, or where `negated` its complement.
    fn id(&self, ids: &[String], negated: bool) -> Lowered<Self::Native>;

    /// All of two or more.
    fn and(&self, parts: Vec<Self::Native>) -> Self::Native;

    /// Any of two or more.
    fn or(&self, parts: Vec<Self::Native>) -> Self::Native;
}

/// A filter, lowered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed<N> {
    /// What the database evaluates, if anything.
    pub native: Option<N>,
    /// What is evaluated again on the client, if anything.
    pub residual: Option<Filter>,
}

impl<N> Pushed<N> {
    /// What is evaluated on the client, ready for many records.
    pub fn residual_matcher(&self) -> Matcher<'_> {
        self.residual.as_ref().map_or_else(Matcher::all, Filter::matcher)
    }

    /// How much the database answers.
    pub fn push_down(&self) -> PushDown {
        match (&self.native, &self.residual) {
            (_, None) => PushDown::Exact,
            (Some(_), Some(_)) => PushDown::Superset,
            (None, Some(_)) => PushDown::Nothing,
        }
    }
}

/// Lowers a filter, which is best folded before (see [`Filter::fold`]).
///
/// A record matches the filter exactly if it matches both the native part and the residual; an absent part matches
/// everything. The filter that nothing matches has no native form: a caller answers it without the database.
pub fn lower<L: Lowering>(filter: &Filter, with: &L) -> Pushed<L::Native> {
    signed(filter, false, with)
}

fn signed<L: Lowering>(filter: &Filter, negated: bool, with: &L) -> Pushed<L::Native> {
    match (filter, negated) {
        (Filter::Not(child), _) => signed(child, !negated, with),
        (Filter::Leaf(leaf), _) => single(with.leaf(leaf, negated), filter, negated),
        (Filter::Id(ids), _) => single(with.id(ids, negated), filter, negated),
        (Filter::And(children), false) | (Filter::Or(children), true) => all(children, negated, with),
        (Filter::Or(children), false) | (Filter::And(children), true) => any(children, filter, negated, with),
    }
}

fn single<N>(lowered: Lowered<N>, filter: &Filter, negated: bool) -> Pushed<N> {
    match lowered {
        Lowered::Exact(native) => Pushed { native: Some(native), residual: None },
        Lowered::Superset(native) => {
            Pushed { native: Some(native), residual: Some(with_sign(filter, negated)) }
        }
        Lowered::Nothing => Pushed { native: None, residual: Some(with_sign(filter, negated)) },
    }
}

fn all<L: Lowering>(children: &[Filter], negated: bool, with: &L) -> Pushed<L::Native> {
    let mut natives = Vec::new();
    let mut residuals = Vec::new();
    for child in children {
        let pushed = signed(child, negated, with);
        natives.extend(pushed.native);
        residuals.extend(pushed.residual);
    }
    let residual = (!residuals.is_empty()).then(|| Filter::And(residuals).flat());
    Pushed { native: join(natives, |n| with.and(n)), residual }
}

fn any<L: Lowering>(children: &[Filter], whole: &Filter, negated: bool, with: &L) -> Pushed<L::Native> {
    let pushed: Vec<_> = children.iter().map(|child| signed(child, negated, with)).collect();
    let exact = !children.is_empty() && pushed.iter().all(|p| p.residual.is_none());
    let natives: Option<Vec<_>> = pushed.into_iter().map(|p| p.native).collect();
    Pushed {
        native: natives.and_then(|n| join(n, |n| with.or(n))),
        residual: (!exact).then(|| with_sign(whole, negated)),
    }
}

fn join<N>(mut natives: Vec<N>, many: impl FnOnce(Vec<N>) -> N) -> Option<N> {
    if natives.len() > 1 { Some(many(natives)) } else { natives.pop() }
}

fn with_sign(filter: &Filter, negated: bool) -> Filter {
    if negated { !filter.clone() } else { filter.clone() }
}

#[cfg(test)]
mod tests;
