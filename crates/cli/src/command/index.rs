//! `portolan index`.

use clap::{Args as ClapArgs, Subcommand};
use portolan::{EngineKind, EngineParams, FieldType, IndexInfo, IndexSpec, Metric, Scalar, VectorStorageExt};
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::{field, parse};
use crate::output;
use crate::table;

/// What is done with indexes.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an index
    Create(Create),
    /// List the indexes
    List,
    /// Show what an index was created with
    Show(Name),
    /// Show counts, sizes and times of an index
    Stats(Stats),
    /// Delete an index with all its records
    Delete(Name),
}

/// One index.
#[derive(Debug, ClapArgs)]
pub(crate) struct Name {
    /// The index
    name: String,
}

/// An index to be created.
#[derive(Debug, ClapArgs)]
pub(crate) struct Create {
    /// The name: 3 to 40 of a-z, 0-9, - and _, beginning with a letter
    name: String,
    /// The length of every vector
    #[arg(long, short, value_name = "D")]
    dimension: usize,
    #[command(flatten)]
    shape: Shape,
    /// The kind of vector index: flat, hnsw or ivf
    #[arg(long, value_name = "KIND", value_parser = parse::<EngineKind>)]
    engine: Option<EngineKind>,
    /// HNSW: links of a node, 2 to 256
    #[arg(long, value_name = "N")]
    m: Option<u32>,
    /// HNSW: candidates while building, 1 to 10,000
    #[arg(long, value_name = "N")]
    ef_construction: Option<u32>,
    /// IVF: number of clusters, 1 to 1,000,000
    #[arg(long, value_name = "N")]
    nlist: Option<u32>,
    /// An option of the provider; a value that is not JSON is text
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = option)]
    options: Vec<(String, Scalar)>,
    /// Do nothing where an equal index exists already
    #[arg(long)]
    if_not_exists: bool,
}

/// Metric and declared fields, wherever an index is created.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Shape {
    /// How vectors are compared: cosine, dot_product, euclidean or manhattan
    #[arg(long, value_name = "METRIC", default_value_t, value_parser = parse::<Metric>)]
    pub(crate) metric: Metric,
    /// A metadata field with its type (bool, integer, float, string), such as industry:string: the type binds, and
    /// filters on it are fast
    #[arg(long = "field", value_name = "KEY:TYPE", value_parser = field)]
    pub(crate) fields: Vec<(String, FieldType)>,
}

impl Shape {
    /// The spec of an index of this shape.
    pub(crate) fn spec(&self, name: &str, dimension: usize) -> IndexSpec {
        let spec = IndexSpec::new(name, dimension).metric(self.metric);
        self.fields.iter().fold(spec, |spec, (key, of)| spec.field(key, *of))
    }
}

/// Statistics of one index.
#[derive(Debug, ClapArgs)]
pub(crate) struct Stats {
    /// The index
    name: String,
    /// Count every metadata field, not only the declared ones
    #[arg(long)]
    detail: bool,
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args, context).await,
        Command::List => list(context).await,
        Command::Show(args) => show(args, context).await,
        Command::Stats(args) => stats(args, context).await,
        Command::Delete(args) => delete(args, context).await,
    }
}

async fn create(args: Create, context: &Context) -> Result<(), Failure> {
    let engine = EngineParams {
        kind: args.engine,
        m: args.m,
        ef_construction: args.ef_construction,
        nlist: args.nlist,
    };
    let mut spec = args.shape.spec(&args.name, args.dimension).engine(engine);
    spec.options = args.options.into_iter().collect();
    let storage = context.open().await?;
    let created = if args.if_not_exists {
        storage.ensure_index(&spec).await?
    } else {
        storage.create_index(&spec, context.options()).await?;
        true
    };
    if context.is_table() {
        let done = if created { "Created the index" } else { "There is already an equal index" };
        return output::text(&format!(
            "{done} {}: {}, {}.",
            spec.name,
            table::dimensions(spec.dimension),
            spec.metric
        ));
    }
    let mut object = json!(context.describe(&args.name).await?);
    object["created"] = json!(created);
    output::json(&object)
}

async fn list(context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let names = storage.list_indexes(context.options()).await?;
    let rows: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
    output::print(context.format(), &json!({ "indexes": names }), &rows, || match names.as_slice() {
        [] => "There is no index; create one with `portolan index create` or `portolan import --create`."
            .to_owned(),
        names => names.join("\n"),
    })
}

async fn show(args: Name, context: &Context) -> Result<(), Failure> {
    let info = context.describe(&args.name).await?;
    output::print_one(context.format(), info, || facts(info))
}

async fn stats(args: Stats, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let stats = storage.stats(&args.name, args.detail, context.options()).await?;
    output::print_one(context.format(), &stats, || {
        let facts = table::facts([
            ("index", Some(stats.index.clone())),
            ("vectors", Some(table::count(stats.vectors))),
            ("dimension", Some(stats.dimension.to_string())),
            ("metric", Some(stats.metric.to_string())),
            ("on disk", stats.disk_bytes.map(table::bytes)),
            ("in memory", stats.memory_bytes.map(table::bytes)),
            ("created", stats.created_at.clone()),
            ("last written", stats.updated_at.clone()),
        ]);
        if stats.fields.is_empty() {
            return facts;
        }
        let mut fields = table::table(["field", "vectors"]);
        for (key, vectors) in &stats.fields {
            fields.add_row([key.as_str().into(), table::right(table::count(*vectors))]);
        }
        format!("{facts}\n\n{fields}")
    })
}

async fn delete(args: Name, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    context.describe(&args.name).await?;
    context.confirm(&format!("delete the index {} with all its records", args.name))?;
    storage.delete_index(&args.name, context.options()).await?;
    let done = json!({ "index": args.name, "deleted": true });
    output::print_one(context.format(), &done, || format!("Deleted the index {}.", args.name))
}

fn facts(info: &IndexInfo) -> String {
    let spec = &info.spec;
    let fields: Vec<String> = spec.fields.iter().map(|(key, of)| format!("{key}:{of}")).collect();
    let engine = json!(spec.engine);
    let engine = engine.as_object().filter(|e| !e.is_empty());
    let options: Vec<String> = spec.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    table::facts([
        ("index", Some(spec.name.clone())),
        ("provider", Some(info.provider.clone())),
        ("dimension", Some(spec.dimension.to_string())),
        ("metric", Some(spec.metric.to_string())),
        ("fields", (!fields.is_empty()).then(|| fields.join(", "))),
        (
            "engine",
            engine.map(|e| {
                e.iter().map(|(k, v)| format!("{k}={}", table::json_text(v))).collect::<Vec<_>>().join(", ")
            }),
        ),
        ("options", (!options.is_empty()).then(|| options.join(", "))),
        ("created", info.created_at.clone()),
    ])
}

fn option(text: &str) -> Result<(String, Scalar), String> {
    let (key, value) = text.split_once('=').ok_or("it must be KEY=VALUE")?;
    let scalar = serde_json::from_str(value).unwrap_or_else(|_| Scalar::from(value));
    Ok((key.to_owned(), scalar))
}
