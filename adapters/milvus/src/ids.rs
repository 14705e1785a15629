//! The primary key: ids in expressions and in columns.

use portolan_core::driver::kit::integer_id;
use portolan_core::driver::{NativeId, Row};
use portolan_core::filter::Lowered;
use portolan_core::{Cursor, Error, Result};

use crate::error::rubbish;
use crate::expression::{Expression, list, quoted};
use crate::layout::Layout;
use crate::proto::schema::{
    DataType, FieldData, IDs, LongArray, StringArray, i_ds::IdField, scalar_field::Data,
};
use crate::proto::{column, scalars};

impl Layout {
    /// `id in ids`, or its complement.
    pub(crate) fn lower_ids(&self, ids: &[NativeId], negated: bool) -> Lowered<Expression> {
        if negated && !self.has_any(ids) {
            return Lowered::Nothing;
        }
        let operator = if negated { "not in" } else { "in" };
        Lowered::Exact(Expression::leaf(format!("{} {operator} {}", self.id, self.id_list(ids))))
    }

    /// Whether there can be a row of one of these ids.
    pub(crate) fn has_any(&self, ids: &[NativeId]) -> bool {
        ids.iter().any(|id| self.id_literal(id).is_some())
    }

    /// The rows of these ids.
    pub(crate) fn one_of(&self, ids: &[NativeId]) -> Expression {
        Expression::leaf(format!("{} in {}", self.id, self.id_list(ids)))
    }

    /// The rows behind one in the order of ids.
    pub(crate) fn after(&self, last: &str) -> Result<Expression> {
        let last = self.id_literal(last).ok_or_else(Cursor::dead)?;
        Ok(Expression::leaf(format!("{} > {last}", self.id)))
    }

    /// What every row meets.
    pub(crate) fn all_rows(&self) -> Expression {
        let id = &self.id;
        let any = if self.integer_ids { format!("{id} >= 0 or {id} < 0") } else { format!("{id} >= \"\"") };
        Expression::leaf(any)
    }

    /// Puts rows into the order of ids.
    pub(crate) fn sort(&self, rows: &mut [Row]) {
        if self.integer_ids {
            rows.sort_by_key(|row| integer_id::<i64>(&row.id));
        } else {
            rows.sort_by(|a, b| a.id.cmp(&b.id));
        }
    }

    /// Checks an id that is written.
    pub(crate) fn admit_id(&self, id: &NativeId) -> Result<()> {
        if self.integer_ids && integer_id::<i64>(id).is_none() {
            return Err(Error::invalid(format!(
                "the id {id:?} is no integer, and this collection's ids are"
            )));
        }
        Ok(())
    }

    /// The ids of rows that are admitted.
    pub(crate) fn id_column(&self, rows: &[Row]) -> FieldData {
        if self.integer_ids {
            let data = rows.iter().filter_map(|row| integer_id(&row.id)).collect();
            return column(&self.id, DataType::Int64, Data::LongData(LongArray { data }));
        }
        let data = rows.iter().map(|row| row.id.to_string()).collect();
        column(&self.id, DataType::VarChar, Data::StringData(StringArray { data }))
    }

    /// The ids among the columns of a reply.
    pub(crate) fn ids(&self, fields: &[FieldData]) -> Result<Vec<String>> {
        let column = fields.iter().find(|field| field.field_name == self.id);
        match column.and_then(scalars) {
            Some(Data::StringData(ids)) => Ok(ids.data.clone()),
            Some(Data::LongData(ids)) => Ok(ids.data.iter().map(i64::to_string).collect()),
            _ => Err(rubbish("has no ids, or those of another type")),
        }
    }

    fn id_list(&self, ids: &[NativeId]) -> String {
        list(ids.iter().filter_map(|id| self.id_literal(id)))
    }

    /// An id in expressions, which have no literal of the least integer; none where no record can have it.
    fn id_literal(&self, id: &str) -> Option<String> {
        if !self.integer_ids {
            return Some(quoted(id));
        }
        integer_id(id).filter(|i: &i64| *i != i64::MIN).map(|i| i.to_string())
    }
}

/// The ids of the rows that a search found.
pub(crate) fn found(ids: Option<IDs>) -> Vec<String> {
    match ids.and_then(|ids| ids.id_field) {
        Some(IdField::StrId(ids)) => ids.data,
        Some(IdField::IntId(ids)) => ids.data.iter().map(i64::to_string).collect(),
        None => Vec::new(),
    }
}
