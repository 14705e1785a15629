//! What of a filter the driver answers, with the overflow and mapped ids taken into account.

use super::overflow::OVERFLOW_KEYS;
use super::{Driver, IdScheme, NativeId, OverflowFilter, Target};
use crate::filter::{Condition, Filter, Leaf, Lowered, Lowering, Pushed, lower};

/// A filter, folded and lowered: once a call.
#[derive(Debug)]
pub(super) struct LoweredFilter<F> {
    pub(super) filter: Filter,
    /// What the database and the engine evaluate of it in searches, counts and deletes.
    pub(super) pushed: Pushed<F>,
    /// The same for pages, where these take no filter.
    unpushed: Option<Pushed<F>>,
}

impl<F> LoweredFilter<F> {
    pub(super) fn new<D: Driver<Filter = F>>(
        driver: &D,
        target: Target<'_, D::Index>,
        filter: Option<&Filter>,
    ) -> Self {
        let filter = filter.map_or_else(Filter::all, |filter| filter.clone().fold());
        if filter.is_all() || filter.is_none() {
            return Self { filter, pushed: Pushed { native: None, residual: None }, unpushed: None };
        }
        let whole = || Pushed { native: None, residual: Some(filter.clone()) };
        let mut pushed = lower(&filter, &Engine { driver, target });
        if pushed.native.as_ref().is_some_and(|native| !driver.accepts(native)) {
            pushed = whole();
        }
        let unpushed = (!driver.profile().page_where).then(whole);
        Self { filter, pushed, unpushed }
    }

    /// What the database and the engine evaluate of it where rows are read page by page.
    pub(super) fn in_pages(&self) -> &Pushed<F> {
        self.unpushed.as_ref().unwrap_or(&self.pushed)
    }
}

/// The driver's lowering, as the engine needs it.
struct Engine<'a, D: Driver> {
    driver: &'a D,
    target: Target<'a, D::Index>,
}

impl<D: Driver> Lowering for Engine<'_, D> {
    type Native = D::Filter;

    fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<D::Filter> {
        let lowered = self.driver.lower(self.target, leaf, negated);
        if self.driver.overflow(self.target, &leaf.key) != OverflowFilter::ByEngine {
            return lowered;
        }
        let listed =
            Leaf { key: OVERFLOW_KEYS.to_owned(), condition: Condition::Contains(leaf.key.as_str().into()) };
        match (lowered, self.driver.lower(self.target, &listed, false)) {
            (
                Lowered::Exact(native) | Lowered::Superset(native),
                Lowered::Exact(keys) | Lowered::Superset(keys),
            ) => Lowered::Superset(self.driver.or(vec![native, keys])),
            _ => Lowered::Nothing,
        }
    }

    fn id(&self, ids: &[String], negated: bool) -> Lowered<D::Filter> {
        let scheme: IdScheme = self.driver.profile().ids;
        if negated && !scheme.is_plain() {
            return Lowered::Nothing;
        }
        let forms: Vec<NativeId> = ids.iter().flat_map(|id| scheme.forms(id)).collect();
        match self.driver.lower_ids(self.target, &forms, negated) {
            lowered if scheme.is_plain() => lowered,
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
