//! Copying to the oracle and back: ids and metadata equal, vectors equal up to the declared fidelity.

use portolan_core::{Record, UpsertRequest};

use crate::case::{Verdict, cases, check_eq};
use crate::context::{Context, OPTIONS};
use crate::data::{mixed, numbered};
use crate::twin::{Twin, scan_all};

cases! { "copy";
    [N14 N18] to_the_oracle_and_back, into_another_index;
    [N6 N14 N18] hostile_records_to_the_oracle_and_back;
}

/// Scans the subject, writes what it gives into an index of the oracle, scans that, writes it into a fresh subject.
async fn there_and_back(ctx: &Context, records: &[Record]) -> Verdict {
    let origin = ctx.index(4).await?;
    origin.upsert(records).await?;
    let read = origin.scan(None, 7).await?;
    let copy = ctx.spec(4);
    origin.oracle.create_index(&copy, OPTIONS).await?;
    origin.oracle.upsert(&UpsertRequest::new(&copy.name, &read)).await?.into_result()?;
    let read_again = scan_all(&*origin.oracle, &copy.name, None, 7).await?;
    check_eq!(read_again.len(), records.len(), "the records copied");
    let back = ctx.spec(4);
    ctx.storage.create_index(&back, OPTIONS).await?;
    ctx.storage.upsert(&UpsertRequest::new(&back.name, &read_again)).await?.into_result()?;
    origin.oracle.create_index(&back, OPTIONS).await?;
    origin.oracle.upsert(&UpsertRequest::new(&back.name, records)).await?.into_result()?;
    Twin { subject: ctx.storage.clone(), oracle: origin.oracle.clone(), spec: back }.same().await
}

async fn to_the_oracle_and_back(ctx: &Context) -> Verdict {
    let mut records = mixed();
    records.extend(numbered(60, 4).split_off(12));
    there_and_back(ctx, &records).await
}

async fn hostile_records_to_the_oracle_and_back(ctx: &Context) -> Verdict {
    let hostile = |(n, text): (usize, &&str)| {
        let metadata = portolan_core::Metadata::new().with("v", *text).with("list", [*text]);
        Record::new(*text, crate::data::vector(n, 4)).metadata(metadata)
    };
    there_and_back(ctx, &super::hostile::TEXTS.iter().enumerate().map(hostile).collect::<Vec<_>>()).await
}

async fn into_another_index(ctx: &Context) -> Verdict {
    let one = ctx.index(4).await?;
    one.upsert(&mixed()).await?;
    let two = ctx.index(4).await?;
    two.upsert(&one.scan(None, 5).await?).await?;
    two.same().await
}
