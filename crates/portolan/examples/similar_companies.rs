//! The companies most like a given one, on whatever store a URI names: the same output on every one.
//!
//! ```console
//! cargo run -p portolan --example similar_companies -- memory:
//! cargo run -p portolan --example similar_companies -- embedded:./data stripe
//! cargo run -p portolan --features all --example similar_companies -- qdrant://localhost:6334 adyen
//! ```

use std::error::Error;
use std::io::Write;
use std::path::Path;

use portolan::filter::field;
use portolan::{CompanyMetadata, IndexSpec, Record, SearchResult, VectorStorage, VectorStorageExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let uri = arguments.next().unwrap_or_else(|| "memory:".to_owned());
    let id = arguments.next().unwrap_or_else(|| "stripe".to_owned());

    let storage = portolan::open(&uri).await?;
    let mut answers = Vec::new();
    similar(&*storage, "companies", &id, &mut answers).await?;
    storage.close().await?;
    Ok(std::io::stdout().write_all(&answers)?)
}

/// Stores the companies in an index, and writes down those most like one of them.
pub(crate) async fn similar(
    storage: &dyn VectorStorage,
    index: &str,
    id: &str,
    out: &mut (dyn Write + Send),
) -> Result<(), Box<dyn Error>> {
    storage.ensure_index(&CompanyMetadata::declare(IndexSpec::new(index, 384))).await?;
    let index = storage.index(index);
    index.upsert_chunked(&companies()?, 100, 4, &()).await?.into_result()?;

    let alike = index.search_by_id(id).top_k(5).await?;
    show(out, &format!("Most like {id}"), &alike)?;

    let recent = field("founding_year").gte(2000) & !field("country").eq("US");
    let found = index.search_by_id(id).top_k(5).filter(recent).await?;
    show(out, "The same, founded since 2000 and not in the US", &found)
}

fn companies() -> Result<Vec<Record>, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/companies.jsonl");
    std::fs::read_to_string(path)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn show(out: &mut (dyn Write + Send), title: &str, found: &SearchResult) -> Result<(), Box<dyn Error>> {
    writeln!(out, "\n{title}")?;
    eprintln!("{} answered in {:.1} ms", found.provider, found.elapsed.as_secs_f64() * 1e3);
    for company in &found.matches {
        let known: CompanyMetadata = company.metadata_as()?;
        writeln!(
            out,
            "  {:.4}  {:<24} {:<18} {} {}",
            company.score,
            known.company_name,
            known.industry.unwrap_or_default(),
            known.founding_year.unwrap_or_default(),
            known.country.unwrap_or_default(),
        )?;
    }
    Ok(())
}
