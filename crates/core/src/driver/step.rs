//! What a search does next: the decision, apart from what is sent.

/// What one answer of the database has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Round {
    /// How many survivors are needed.
    pub(super) need: usize,
    /// How many survivors no row that was not returned can come before.
    pub(super) certain: usize,
    /// Whether fewer rows came than were asked for.
    pub(super) short: bool,
    /// Whether the database answered exactly.
    pub(super) exact: bool,
    /// Whether the number of matching rows explains that fewer came.
    pub(super) explained: bool,
    /// Whether the last row is already past the threshold.
    pub(super) past_threshold: bool,
    /// Whether the database can be asked exactly and was not.
    pub(super) exact_left: bool,
    /// Whether as many rows were asked for as the budget allows, and some may fall away.
    pub(super) at_budget: bool,
    /// Whether as many rows were asked for as the database returns.
    pub(super) at_window: bool,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The survivors are all that there are.
    Complete,
    /// The survivors are enough.
    Enough,
    /// The same again, exactly.
    AskExactly,
    /// More rows.
    AskForMore,
    /// An error: more rows would have to be read than is allowed.
    OverBudget,
    /// The database shows no more: the rest is read and scored by the engine.
    PastWindow,
}

/// Decides what follows an answer.
pub(super) fn next(round: &Round) -> Step {
    // An approximate answer that is short proves nothing: nearer rows may have been passed over.
    let gave_up = round.short && !round.exact;
    if round.short && (round.exact || round.explained) {
        Step::Complete
    } else if (round.past_threshold && !gave_up) || round.certain >= round.need {
        Step::Enough
    } else if round.short && round.exact_left {
        Step::AskExactly
    } else if round.at_budget {
        Step::OverBudget
    } else if gave_up || round.at_window {
        Step::PastWindow
    } else {
        Step::AskForMore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Round = Round {
        need: 10,
        certain: 5,
        short: false,
        exact: false,
        explained: false,
        past_threshold: false,
        exact_left: false,
        at_budget: false,
        at_window: false,
    };

    #[test]
    fn each_round_has_its_step() {
        let table = [
            ("too few survive", ROUND, Step::AskForMore),
            ("enough are certain", Round { certain: 10, ..ROUND }, Step::Enough),
            ("an exact answer is short", Round { short: true, exact: true, ..ROUND }, Step::Complete),
            ("the count explains it", Round { short: true, explained: true, ..ROUND }, Step::Complete),
            ("past the threshold", Round { past_threshold: true, ..ROUND }, Step::Enough),
            (
                "an approximate answer is short, whatever its threshold",
                Round { short: true, past_threshold: true, ..ROUND },
                Step::PastWindow,
            ),
            ("… and can be exact", Round { short: true, exact_left: true, ..ROUND }, Step::AskExactly),
            (
                "exactness is not asked for while rows come",
                Round { exact_left: true, ..ROUND },
                Step::AskForMore,
            ),
            ("the budget is spent", Round { at_budget: true, ..ROUND }, Step::OverBudget),
            ("… before the window", Round { at_budget: true, at_window: true, ..ROUND }, Step::OverBudget),
            ("the window is full", Round { at_window: true, ..ROUND }, Step::PastWindow),
            ("… with enough", Round { at_window: true, certain: 10, ..ROUND }, Step::Enough),
        ];
        for (what, round, step) in table {
            assert_eq!(next(&round), step, "{what}");
        }
    }
}
