//! `portolan explain`.

use clap::Args as ClapArgs;
use portolan::SearchRequest;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::Where;
use crate::output;
use crate::table;

/// What is explained.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    #[command(flatten)]
    filter: Where,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let mut request = SearchRequest::without_vector(&args.name).options(context.options());
    request.filter = context.filter(&args.name, &args.filter).await?;
    let e = storage.explain(&request).await?;
    output::print_one(context.format(), &e, || {
        table::facts([
            ("index", Some(e.index.clone())),
            ("provider", Some(e.provider.clone())),
            ("plan", Some(e.plan.clone())),
            ("exactness", Some(known(e.exactness))),
            ("engine", Some(known(e.engine))),
            ("push-down", Some(table::json_text(&serde_json::json!(e.push_down)))),
            ("native", e.native.clone()),
            ("residual", e.residual.clone()),
            ("estimated records", e.estimated_records.map(table::count)),
        ])
    })
}

/// What the store says of its index, in JSON's words; it may know nothing.
fn known(fact: Option<impl Serialize>) -> String {
    fact.map_or_else(|| "not known".to_owned(), |fact| table::json_text(&serde_json::json!(fact)))
}
