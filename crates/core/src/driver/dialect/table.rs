//! What a database answers, stated once: the table decides how exactly each leaf is lowered, and prints itself.

use std::fmt::{self, Debug, Display, Formatter};

use super::{Operator, Predicate};
use crate::filter::{Condition, Lowered, PushDown};
use crate::metadata::Scalar;

/// How exactly a database answers leaves, operator by type of operand. An operator without a row is answered not at all.
///
/// `C` is what the exceptions need to know: of the server, of the index, of the field.
///
/// ```
/// use portolan_core::driver::dialect::{Exception, Operator, Predicate, Row, Table};
/// use portolan_core::filter::{Condition, PushDown::{Exact, Nothing, Superset}};
///
/// const TABLE: Table<()> = Table {
///     rows: &[
///         Row { operator: Operator::Equal, leaf: [Exact; 3], complement: [Exact, Superset, Exact] },
///         Row { operator: Operator::Order, leaf: [Nothing, Exact, Nothing], complement: [Nothing; 3] },
///     ],
///     exceptions: &[Exception {
///         when: "an operand is beyond 2^53",
///         at_most: Superset,
///         applies: |_, predicate| predicate.operands().iter().any(|o| o.is_beyond_2_53()),
///     }],
/// };
/// assert_eq!(TABLE.look_up(&(), Predicate::from(&Condition::Gt(2.into())), false), Exact);
/// assert_eq!(TABLE.look_up(&(), Predicate::from(&Condition::Gt(1e300.into())), false), Superset);
/// assert_eq!(TABLE.look_up(&(), Predicate::from(&Condition::Gt("a".into())), false), Nothing);
/// ```
#[derive(Debug)]
pub struct Table<C: 'static> {
    /// The operators.
    pub rows: &'static [Row],
    /// What the rows promise too much for.
    pub exceptions: &'static [Exception<C>],
}

/// How exactly one operator is answered, where the operand is a bool, a number, a string. An operator without an operand
/// says the same three times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The operator.
    pub operator: Operator,
    /// The leaf itself.
    pub leaf: [PushDown; 3],
    /// Its complement, which records without the field meet too.
    pub complement: [PushDown; 3],
}

/// A case in which less is answered than a row says.
pub struct Exception<C> {
    /// The case, for the reader of the printed table.
    pub when: &'static str,
    /// What is answered then, at the most.
    pub at_most: PushDown,
    /// Whether a leaf is of the case, or its complement.
    pub applies: fn(&C, Predicate<'_>) -> bool,
}

impl<C> Debug for Exception<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.when, self.at_most)
    }
}

impl<C> Table<C> {
    /// How exactly a leaf, or where `negated` its complement, is answered; with operands of several types as the least
    /// exact of them.
    pub fn look_up(&self, context: &C, predicate: Predicate<'_>, negated: bool) -> PushDown {
        let Some(row) = self.rows.iter().find(|row| row.operator == predicate.operator()) else {
            return PushDown::Nothing;
        };
        let cells = if negated { row.complement } else { row.leaf };
        let promised = match predicate.operands() {
            [] => cells[TEXT],
            operands => operands.iter().map(|o| cells[column(o)]).max().unwrap_or(PushDown::Nothing),
        };
        let applying = self.exceptions.iter().filter(|exception| (exception.applies)(context, predicate));
        applying.map(|exception| exception.at_most).fold(promised, Ord::max)
    }

    /// A leaf, or its complement, as the native filter that is made of it; as little as the table says.
    pub fn lower<N>(
        &self,
        context: &C,
        condition: &Condition,
        negated: bool,
        native: impl FnOnce(Predicate<'_>) -> Option<N>,
    ) -> Lowered<N> {
        let predicate = Predicate::from(condition);
        match self.look_up(context, predicate, negated) {
            PushDown::Nothing => Lowered::Nothing,
            answered => answered.lowered(native(predicate)),
        }
    }
}

/// As Markdown.
impl<C> Display for Table<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| operator | bool | number | string | not: bool | not: number | not: string |")?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- |")?;
        for Row { operator, leaf, complement } in self.rows {
            write!(f, "| {} |", names(*operator))?;
            leaf.iter().chain(complement).try_for_each(|cell| write!(f, " {cell} |"))?;
            writeln!(f)?;
        }
        for (n, Exception { when, at_most, .. }) in self.exceptions.iter().enumerate() {
            writeln!(f, "{}- {when}: {at_most}", if n == 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

const TEXT: usize = 2;

fn column(operand: &Scalar) -> usize {
    match operand {
        Scalar::Bool(_) => 0,
        Scalar::Integer(_) | Scalar::Float(_) => 1,
        Scalar::String(_) => TEXT,
    }
}

fn names(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "eq, in",
        Operator::Unequal => "ne, not_in",
        Operator::Order => "gt, gte, lt, lte",
        Operator::Contains => "contains",
        Operator::StartsWith => "starts_with",
        Operator::EndsWith => "ends_with",
        Operator::Exists => "exists",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PushDown::{Exact, Nothing, Superset};

    const TABLE: Table<bool> = Table {
        rows: &[
            Row {
                operator: Operator::Equal,
                leaf: [Exact, Superset, Exact],
                complement: [Exact, Nothing, Exact],
            },
            Row { operator: Operator::Exists, leaf: [Exact; 3], complement: [Superset; 3] },
        ],
        exceptions: &[
            Exception {
                when: "the field has an index of words",
                at_most: Superset,
                applies: |words, _| *words,
            },
            Exception {
                when: "no operand is given",
                at_most: Nothing,
                applies: |_, predicate| predicate == Predicate::AnyOf(&[]),
            },
        ],
    };

    fn look_up(words: bool, condition: Condition, negated: bool) -> PushDown {
        TABLE.look_up(&words, Predicate::from(&condition), negated)
    }

    #[test]
    fn the_least_exact_operand_and_exception_decide() {
        let mixed = Condition::In(vec!["a".into(), 1.into()]);
        assert_eq!(look_up(false, mixed.clone(), false), Superset);
        assert_eq!(look_up(false, mixed, true), Nothing);
        assert_eq!(look_up(false, Condition::Eq("a".into()), false), Exact);
        assert_eq!(look_up(true, Condition::Eq("a".into()), false), Superset);
        assert_eq!(look_up(false, Condition::In(Vec::new()), false), Nothing);
        assert_eq!(look_up(true, Condition::Eq(1.into()), true), Nothing);
        assert_eq!(
            (look_up(false, Condition::Exists, false), look_up(false, Condition::Exists, true)),
            (Exact, Superset)
        );
        assert_eq!(look_up(false, Condition::Gt(1.into()), false), Nothing);
    }

    #[test]
    fn a_leaf_is_lowered_as_the_table_says() {
        let lower = |condition: Condition, native: Option<&'static str>| {
            TABLE.lower(&false, &condition, false, |_| native)
        };
        assert_eq!(lower(Condition::Eq("a".into()), Some("x")), Lowered::Exact("x"));
        assert_eq!(lower(Condition::Eq(1.into()), Some("x")), Lowered::Superset("x"));
        assert_eq!(lower(Condition::Eq(1.into()), None), Lowered::Nothing);
        assert_eq!(lower(Condition::Gt(1.into()), Some("x")), Lowered::Nothing);
    }

    #[test]
    fn it_prints_itself() {
        assert_eq!(
            TABLE.to_string(),
            "| operator | bool | number | string | not: bool | not: number | not: string |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n\
             | eq, in | exact | superset | exact | exact | nothing | exact |\n\
             | exists | exact | exact | exact | superset | superset | superset |\n\
             \n\
             - the field has an index of words: superset\n\
             - no operand is given: nothing\n"
        );
    }
}
