//! `portolan demo`.

use clap::Args as ClapArgs;
use portolan::suggest::suggest;
use portolan::{
    Error, ErrorKind, FieldType, Filter, IndexSpec, Record, SearchRequest, SearchResult, UpsertRequest,
    Value, VectorStorage, VectorStorageExt,
};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::input::record::parse_record;
use crate::options::Format;
use crate::output;
use crate::table;

const COMPANIES: &str = include_str!("../../../../examples/data/companies.jsonl");
const INDEX: &str = "demo-companies";
const SHOWN: usize = 10;

/// Which company.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The company whose like are sought, by name or id
    #[arg(long, value_name = "NAME", default_value = "Stripe")]
    company: String,
}

/// What was done, and what was found.
#[derive(Serialize)]
struct Demo<'a> {
    store: &'a str,
    index: &'a str,
    imported: usize,
    company: &'a str,
    searches: &'a [Search<'a>],
}

/// A search and the command that gives the same.
#[derive(Serialize)]
struct Search<'a> {
    command: &'a str,
    result: &'a SearchResult,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let companies: Vec<Record> = COMPANIES.lines().map(parse_record).collect::<Result<_, _>>()?;
    let company = find(&companies, &args.company)?;
    let storage = context.open().await?;
    let spec = import(&*storage, &companies, context).await?;
    let filter = filter(company)?;
    let all = similar(&*storage, company, None, context).await?;
    let filtered = similar(&*storage, company, Some(filter.clone()), context).await?;
    storage.close().await?;

    let command = format!("portolan search {INDEX} --id {}{}", company.id, store_option(context)?);
    let commands = [command.clone(), format!("{command} --where '{filter}'")];
    let headings = [format!("Companies most like {}", name(company)), format!("The same, where {filter}")];
    let store = context.location()?.to_string();
    if context.format() != Format::Table {
        let searches = [
            Search { command: &commands[0], result: &all },
            Search { command: &commands[1], result: &filtered },
        ];
        let demo = Demo {
            store: &store,
            index: INDEX,
            imported: companies.len(),
            company: &company.id,
            searches: &searches,
        };
        return output::print(context.format(), &demo, &searches, String::new);
    }
    output::text(&format!("Imported {} companies into the index {INDEX} at {store}.", companies.len()))?;
    for ((heading, command), result) in headings.iter().zip(&commands).zip([&all, &filtered]) {
        output::text(&format!("\n{heading}:\n\n  $ {command}\n"))?;
        output::text(&table::matches(result, Some(&spec), &[]))?;
    }
    output::text(&further(&store_option(context)?))
}

/// Stores the companies; again, where they are there already.
async fn import(
    storage: &dyn VectorStorage,
    companies: &[Record],
    context: &Context,
) -> Result<IndexSpec, Failure> {
    let dimension = companies.first().and_then(|c| c.vector.as_ref()).map_or(0, |v| v.len());
    let spec = IndexSpec::new(INDEX, dimension)
        .field("company_name", FieldType::String)
        .field("country", FieldType::String)
        .field("founding_year", FieldType::Integer)
        .field("industry", FieldType::String);
    storage.ensure_index(&spec).await?;
    let request = UpsertRequest::new(INDEX, companies).options(context.options());
    storage.upsert(&request).await?.into_result()?;
    Ok(spec)
}

async fn similar(
    storage: &dyn VectorStorage,
    company: &Record,
    filter: Option<Filter>,
    context: &Context,
) -> Result<SearchResult, Failure> {
    let mut request = SearchRequest::without_vector(INDEX).top_k(SHOWN).options(context.options());
    request.filter = filter;
    Ok(storage.search_by_id(&company.id, request).await?)
}

/// Younger companies of other countries.
fn filter(company: &Record) -> Result<Filter, Failure> {
    let country = company.metadata.get("country").and_then(Value::as_str).unwrap_or_default();
    Ok(Filter::parse(&format!("country != \"{country}\" AND founding_year >= 2000"))?)
}

fn find<'a>(companies: &'a [Record], asked: &str) -> Result<&'a Record, Failure> {
    let wanted = asked.to_lowercase();
    let found = companies.iter().find(|c| c.id == wanted || name(c).to_lowercase() == wanted);
    found.ok_or_else(|| {
        let near = suggest(asked, companies.iter().map(name));
        let hint = near.map_or_else(
            || format!("see them all: portolan scan {INDEX} --all"),
            |near| format!("did you mean {near}?"),
        );
        let message = format!("the demo has no company {asked:?}");
        Failure::from(Error::new(ErrorKind::NotFound, message)).hint(hint)
    })
}

fn name(company: &Record) -> &str {
    company.metadata.get("company_name").and_then(Value::as_str).unwrap_or(&company.id)
}

fn store_option(context: &Context) -> Result<String, Failure> {
    match context.is_default_store() {
        true => Ok(String::new()),
        false => Ok(format!(" --store '{}'", context.location()?)),
    }
}

fn further(store: &str) -> String {
    format!(
        "\nGo on with:\n\n  $ portolan count {INDEX}{store} --where 'industry = \"fintech\"'\
         \n  $ portolan get {INDEX} stripe{store} --output json\
         \n  $ portolan explain {INDEX}{store} --where 'country = \"DE\" AND founding_year >= 2015'\
         \n  $ portolan index delete {INDEX}{store}"
    )
}
