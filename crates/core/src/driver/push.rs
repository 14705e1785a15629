//! What of a filter the driver answers, with values aside and mapped ids taken into account.

use super::aside::ASIDE_KEYS;
use super::{Driver, IdScheme};
use crate::capability::Support;
use crate::filter::{Condition, Filter, Leaf, Lowered, Lowering, Pushed, lower};
use crate::index::IndexSpec;
use crate::metadata::Scalar;

/// A filter ready to run: without constants inside.
pub(super) fn prepared(filter: &Filter) -> Filter {
    filter.clone().fold()
}

/// Lowers a prepared filter; one that is constantly true needs no native form.
pub(super) fn push<D: Driver>(driver: &D, spec: &IndexSpec, filter: &Filter) -> Pushed<D::Filter> {
    if filter.is_all() {
        return Pushed { native: None, residual: None };
    }
    let pushed = lower(filter, &Engine { driver, spec });
    match &pushed.native {
        Some(native) if !driver.accepts(native) => Pushed { native: None, residual: Some(filter.clone()) },
        _ => pushed,
    }
}

/// The same for pages, which may take no filter.
pub(super) fn push_to_pages<D: Driver>(driver: &D, spec: &IndexSpec, filter: &Filter) -> Pushed<D::Filter> {
    if driver.profile().page_where || filter.is_all() {
        push(driver, spec, filter)
    } else {
        Pushed { native: None, residual: Some(filter.clone()) }
    }
}

/// Whether a driver answers every kind of leaf exactly.
pub(super) fn filter_support<D: Driver>(driver: &D) -> Support {
    let spec = IndexSpec::new("any", 1);
    let engine = Engine { driver, spec: &spec };
    let text = || Scalar::from("a");
    let conditions = [
        Condition::Eq(text()),
        Condition::Ne(text()),
        Condition::Gt(text()),
        Condition::Gt(Scalar::from(1.5)),
        Condition::In(vec![text()]),
        Condition::NotIn(vec![text()]),
        Condition::Contains(text()),
        Condition::StartsWith("a".to_owned()),
        Condition::EndsWith("a".to_owned()),
        Condition::Exists,
    ];
    let exact = conditions.into_iter().all(|condition| {
        let leaf = Leaf { key: "any".to_owned(), condition };
        [false, true].into_iter().all(|negated| matches!(engine.leaf(&leaf, negated), Lowered::Exact(_)))
    });
    if exact { Support::Native } else { Support::Emulated }
}

/// The driver's lowering, as the engine needs it.
struct Engine<'a, D> {
    driver: &'a D,
    spec: &'a IndexSpec,
}

impl<D: Driver> Lowering for Engine<'_, D> {
    type Native = D::Filter;

    fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<D::Filter> {
        let lowered = self.driver.lower(self.spec, leaf, negated);
        if !self.driver.may_lie_aside(self.spec, &leaf.key) {
            return lowered;
        }
        let aside =
            Leaf { key: ASIDE_KEYS.to_owned(), condition: Condition::Contains(leaf.key.as_str().into()) };
        match (lowered, self.driver.lower(self.spec, &aside, false)) {
            (
                Lowered::Exact(native) | Lowered::Superset(native),
                Lowered::Exact(keys) | Lowered::Superset(keys),
            ) => Lowered::Superset(self.driver.or(vec![native, keys])),
            _ => Lowered::Nothing,
        }
    }

    fn id(&self, ids: &[String], negated: bool) -> Lowered<D::Filter> {
        let scheme: IdScheme = self.driver.profile().ids;
        if scheme.is_plain() {
            return self.driver.lower_ids(self.spec, ids, negated);
        }
        if negated {
            return Lowered::Nothing;
        }
        let forms: Vec<String> = ids.iter().flat_map(|id| scheme.forms(id)).collect();
        match self.driver.lower_ids(self.spec, &forms, false) {
            Lowered::Exact(native) | Lowered::Superset(native) => Lowered::Superset(native),
            Lowered::Nothing => Lowered::Nothing,
        }
    }

    fn and(&self, parts: Vec<D::Filter>) -> D::Filter {
        self.driver.and(parts)
    }

    fn or(&self, parts: Vec<D::Filter>) -> D::Filter {
        self.driver.or(parts)
    }
}
