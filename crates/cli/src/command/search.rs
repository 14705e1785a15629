//! `portolan search`.

use clap::Args as ClapArgs;
use clap::builder::RangedU64ValueParser;
use portolan::{Deduplicate, SearchRequest, SearchResult, Vector, VectorStorageExt};

use crate::context::Context;
use crate::failure::Failure;
use crate::input::record::parse_vector;
use crate::input::{text_of, text_of_file};
use crate::options::{Columns, Where};
use crate::output;
use crate::table;

/// What is searched.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    #[command(flatten)]
    query: Query,
    #[command(flatten)]
    filter: Where,
    /// How many matches: 1 to 10,000
    #[arg(long, short = 'k', value_name = "N", default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    top_k: usize,
    /// How many matches to pass over first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: usize,
    /// The lowest score returned, inclusive
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    similarity_threshold: Option<f32>,
    /// Let no nearer record be missed, whatever it costs
    #[arg(long)]
    exact: bool,
    /// HNSW: candidates while searching, 1 to 10,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    ef_search: Option<u32>,
    /// IVF: clusters searched, 1 to 1,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    nprobe: Option<u32>,
    /// Keep the best of the matches that are equal in this: `vector`, or a metadata field
    #[arg(long, value_name = "WHAT", value_parser = deduplicate)]
    deduplicate: Option<Deduplicate>,
    /// Map scores to 0 to 1
    #[arg(long)]
    normalize_scores: bool,
    /// Leave the metadata out
    #[arg(long)]
    no_metadata: bool,
    /// Return the vectors as well
    #[arg(long)]
    include_vectors: bool,
    /// Count all records that meet the filter
    #[arg(long)]
    with_total: bool,
    /// The most records that may be read to check a filter outside the database
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    residual_budget: Option<u64>,
    #[command(flatten)]
    columns: Columns,
}

/// What the matches are to be similar to.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct Query {
    /// A vector, as a JSON list of numbers, or - for stdin
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    vector: Option<String>,
    /// A file that holds a vector as a JSON list, or - for stdin
    #[arg(long, value_name = "FILE")]
    vector_file: Option<std::path::PathBuf>,
    /// The id of a stored record, which is itself left out
    #[arg(long)]
    id: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let vector = query_vector(&args.query)?;
    let storage = context.open().await?;
    let mut request = request(&args, vector, context);
    request.filter = context.filter(&args.name, &args.filter).await?;
    let result = match &args.query.id {
        Some(id) => storage.search_by_id(id, request).await?,
        None => storage.search(&request).await?,
    };
    print(&args, &result, context).await
}

fn query_vector(query: &Query) -> Result<Option<Vector>, Failure> {
    let text = match (&query.vector, &query.vector_file) {
        (Some(text), _) => text_of(text)?,
        (_, Some(path)) => text_of_file(path)?,
        _ => return Ok(None),
    };
    Ok(Some(parse_vector(&text)?.into()))
}

fn request(args: &Args, vector: Option<Vector>, context: &Context) -> SearchRequest {
    let mut request = SearchRequest::without_vector(&args.name)
        .top_k(args.top_k)
        .offset(args.offset)
        .exact(args.exact)
        .score_normalization(args.normalize_scores)
        .include_metadata(!args.no_metadata)
        .include_vectors(args.include_vectors)
        .with_total(args.with_total)
        .options(context.options());
    request.vector = vector;
    request.similarity_threshold = args.similarity_threshold;
    request.ef_search = args.ef_search;
    request.nprobe = args.nprobe;
    request.deduplicate = args.deduplicate.clone();
    request.residual_budget = args.residual_budget.unwrap_or(request.residual_budget);
    request
}

async fn print(args: &Args, result: &SearchResult, context: &Context) -> Result<(), Failure> {
    let spec = context.spec(&args.name).await;
    output::print(context.format(), result, &result.matches, || {
        table::matches(result, spec, &args.columns.columns)
    })?;
    if context.is_table() {
        context.note(&summary(result));
    }
    Ok(())
}

fn summary(result: &SearchResult) -> String {
    let total = result.total_matches.map(|n| format!(" of {}", table::count(n))).unwrap_or_default();
    let more = if result.has_more { ", and there are more" } else { "" };
    let exactness = match result.exactness {
        portolan::Exactness::Exact => "exact",
        portolan::Exactness::Approximate => "approximate",
    };
    format!(
        "{} matches{total} by {}, {exactness}{more}; {} records read in {:.1} ms",
        table::count(result.matches.len() as u64),
        result.metric,
        table::count(result.records_read),
        result.elapsed.as_secs_f64() * 1e3,
    )
}

fn deduplicate(what: &str) -> Result<Deduplicate, String> {
    match what {
        "" => Err("say vector, or the name of a field".to_owned()),
        "vector" => Ok(Deduplicate::Vector),
        field => Ok(Deduplicate::Field(field.to_owned())),
    }
}
