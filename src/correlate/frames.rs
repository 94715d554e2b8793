//! `stats` on a data frame: the groups of the log, grouped again by any fields and time buckets.
//! The only file that knows of polars. Its sums are the roll-up's own, which a test holds together.

use polars::prelude::{Column, DataFrame, IntoLazy, PolarsResult, SortMultipleOptions, col};

use crate::correlate::group::Group;
use crate::correlate::{Directory, fields};
use crate::net::Timestamp;

/// One row of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// A value for each field.
    pub values: Vec<String>,
    /// Distinct entries.
    pub count: u64,
    /// The earliest and the latest.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Groups by `by`, and by time where the groups have buckets; the most frequent first, or by time.
pub fn group(
    groups: &[Group<'_>],
    by: &[&'static str],
    per_time: bool,
    directory: &Directory<'_>,
) -> Result<Vec<Row>, String> {
    compute(groups, by, per_time, directory).map_err(|error| error.to_string())
}

const TIME: &str = "time";

fn compute(
    groups: &[Group<'_>],
    by: &[&'static str],
    per_time: bool,
    directory: &Directory<'_>,
) -> PolarsResult<Vec<Row>> {
    let mut columns: Vec<Column> = by
        .iter()
        .map(|field| {
            let values: Vec<String> =
                groups.iter().map(|group| fields::value(field, group, directory)).collect();
            Column::new((*field).into(), values)
        })
        .collect();
    let mut names: Vec<&str> = by.to_vec();
    if per_time {
        let times: Vec<Option<i64>> =
            groups.iter().map(|group| group.bucket().map(|at| at.0)).collect();
        columns.push(Column::new(TIME.into(), times));
        names.push(TIME);
    }
    let counts: Vec<u64> = groups.iter().map(|group| group.count()).collect();
    let firsts: Vec<Option<i64>> = groups.iter().map(|group| group.span().map(|s| s.0.0)).collect();
    let lasts: Vec<Option<i64>> = groups.iter().map(|group| group.span().map(|s| s.1.0)).collect();
    columns.push(Column::new("count".into(), counts));
    columns.push(Column::new("first".into(), firsts));
    columns.push(Column::new("last".into(), lasts));
    let keys: Vec<_> = names.iter().map(|name| col(*name)).collect();
    let sums = [col("count").sum(), col("first").min(), col("last").max()];
    let frame = DataFrame::new(groups.len(), columns)?.lazy();
    let frame = if keys.is_empty() { frame.select(sums) } else { frame.group_by(keys).agg(sums) };
    // By time first where there is time, then the most frequent, then by the values: one order.
    let mut order: Vec<&str> = Vec::new();
    let mut descending: Vec<bool> = Vec::new();
    if per_time {
        order.push(TIME);
        descending.push(false);
    }
    order.push("count");
    descending.push(true);
    for name in by {
        order.push(name);
        descending.push(false);
    }
    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    let frame = frame.sort(order, options).collect()?;
    read(&frame, &names)
}

fn read(frame: &DataFrame, names: &[&str]) -> PolarsResult<Vec<Row>> {
    let mut rows = vec![Row::default(); frame.height()];
    for name in names {
        let column = frame.column(name)?;
        if *name == TIME {
            for (row, value) in rows.iter_mut().zip(column.i64()?.iter()) {
                row.values.push(value.map(|at| Timestamp(at).to_string()).unwrap_or_default());
            }
        } else {
            for (row, value) in rows.iter_mut().zip(column.str()?.iter()) {
                row.values.push(value.unwrap_or_default().to_owned());
            }
        }
    }
    let counts = frame.column("count")?.u64()?;
    let firsts = frame.column("first")?.i64()?;
    let lasts = frame.column("last")?.i64()?;
    for (row, ((count, first), last)) in
        rows.iter_mut().zip(counts.iter().zip(firsts.iter()).zip(lasts.iter()))
    {
        row.count = count.unwrap_or(0);
        row.span = first.zip(last).map(|(first, last)| (Timestamp(first), Timestamp(last)));
    }
    rows.retain(|row| row.count > 0);
    Ok(rows)
}
