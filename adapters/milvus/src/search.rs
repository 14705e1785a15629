//! Reads: searches and queries, all of them strongly consistent. At any weaker level a read may see one half of
//! an upsert: what it deletes, and not yet what it inserts.

use portolan_core::driver::Nearest;
use portolan_core::{EngineKind, Result};
use prost::Message;
use serde_json::json;

use crate::client::{Client, about};
use crate::convert::output_fields;
use crate::expression::Expression;
use crate::layout::{Target, engine_kind, metric_name, nlist};
use crate::proto::common::{ConsistencyLevel, DslType, PlaceholderGroup, PlaceholderType, PlaceholderValue};
use crate::proto::milvus::{QueryRequest, SearchRequest};
use crate::proto::pairs;
use crate::proto::schema::{FieldData, SearchResultData};

const DEFAULT_EF: usize = 64;
const MAX_EF: usize = 32_768;
const DEFAULT_NPROBE: u32 = 16;

impl Client {
    /// The rows nearest to a vector.
    pub(crate) async fn nearest(
        &self,
        target: Target<'_>,
        query: &Nearest<'_, Expression>,
    ) -> Result<SearchResultData> {
        let (layout, spec) = (target.index, target.spec);
        let params = match engine_kind(spec) {
            EngineKind::Flat => json!({}),
            EngineKind::Hnsw => {
                let ef = query.ef_search.map_or(DEFAULT_EF, |ef| ef as usize);
                json!({ "ef": ef.max(query.k).min(MAX_EF) })
            }
            EngineKind::Ivf => json!({ "nprobe": query.nprobe.unwrap_or(DEFAULT_NPROBE).min(nlist(spec)) }),
        };
        let request = SearchRequest {
            dsl: query.filter.map(ToString::to_string).unwrap_or_default(),
            dsl_type: DslType::BoolExprV1.into(),
            placeholder_group: placeholder(query.vector, layout.server.dimension(spec)),
            output_fields: output_fields(layout, query.want),
            search_params: pairs([
                ("anns_field", layout.vector.clone()),
                ("topk", query.k.to_string()),
                ("metric_type", metric_name(spec.metric).to_owned()),
                ("params", params.to_string()),
                ("round_decimal", "-1".to_owned()),
            ]),
            nq: 1,
            consistency_level: ConsistencyLevel::Strong.into(),
            ..about!(self, target.name, SearchRequest {})
        };
        let reply = self.loaded(target, || self.search(request.clone())).await?;
        Ok(reply.results.unwrap_or_default())
    }

    /// The columns of the rows that an expression meets; with a limit of those with the least primary keys.
    pub(crate) async fn select(
        &self,
        target: Target<'_>,
        expression: Option<&Expression>,
        limit: Option<usize>,
        output_fields: Vec<String>,
    ) -> Result<Vec<FieldData>> {
        let iterates = limit.is_some() && target.index.server.pages_as_iterator();
        let iterator = ["iterator", "reduce_stop_for_best"].map(|key| (key, "True".to_owned()));
        let iterator = iterator.into_iter().filter(|_| iterates);
        let query_params = pairs(limit.map(|limit| ("limit", limit.to_string())).into_iter().chain(iterator));
        let request = QueryRequest {
            expr: expression.map(ToString::to_string).unwrap_or_default(),
            output_fields,
            query_params,
            consistency_level: ConsistencyLevel::Strong.into(),
            ..about!(self, target.name, QueryRequest {})
        };
        Ok(self.loaded(target, || self.query(request.clone())).await?.fields_data)
    }
}

fn placeholder(vector: &[f32], dimension: usize) -> Vec<u8> {
    let padded = vector.iter().copied().chain(std::iter::repeat(0.0)).take(dimension);
    let bytes = padded.flat_map(f32::to_le_bytes).collect();
    let value = PlaceholderValue {
        tag: "$0".to_owned(),
        r#type: PlaceholderType::FloatVector.into(),
        values: vec![bytes],
    };
    PlaceholderGroup { placeholders: vec![value] }.encode_to_vec()
}
