//! Missing indexes by the words of the statements alone, for where no planner can be asked.
//!
//! A column that is compared for equality, of a table of some size, with many values and no index that begins with it. Knows
//! nothing of joins through views, of orders, of what an index costs: what comes of it is called a heuristic, and `apply`
//! measures it like anything else.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Probe;
use super::representative::{identifier, words};
use super::text::{Part, parts, reads};
use crate::error::Error;
use crate::recommendation::{Basis, Recommendation};
use crate::server;

/// What would be found by an equality that no index answers.
pub async fn heuristic(client: &Client, probes: &[Probe]) -> Result<Vec<Recommendation>, Error> {
    let failed = Error::database("indexes were looked for by the words of the statements");
    server::prepare(client).await?;
    let mut found: Vec<Recommendation> = Vec::new();
    for probe in probes.iter().filter(|probe| reads(&probe.sql)) {
        let all: Vec<(usize, Part<'_>)> = parts(&probe.sql).collect();
        let (compared, words) = (compared(&all), words(&all));
        if compared.is_empty() {
            continue;
        }
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&compared, Type::TEXT_ARRAY), (&words, Type::TEXT_ARRAY)];
        for row in client.query_typed(include_str!("heuristic.sql"), &parameters).await.map_err(&failed)? {
            let (table, column): (String, String) =
                (row.try_get(0).map_err(&failed)?, row.try_get(1).map_err(&failed)?);
            if !found.iter().any(|known| known.table == table && known.columns[0] == column) {
                found.push(recommendation(table, column, &probe.name));
            }
        }
    }
    Ok(found)
}

/// The columns that are set equal to a value.
pub(super) fn compared(all: &[(usize, Part<'_>)]) -> Vec<String> {
    all.windows(3)
        .filter_map(|three| match [three[0].1, three[1].1, three[2].1] {
            [column, Part::Symbol("="), Part::Parameter(_) | Part::Literal(_)] => identifier(column),
            [column, Part::Symbol("="), Part::Word(word)]
                if word.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                identifier(column)
            }
            _ => None,
        })
        .collect()
}

fn recommendation(table: String, column: String, asked_by: &str) -> Recommendation {
    Recommendation {
        ddl: format!("create index on {table} ({column})"),
        table,
        columns: vec![column],
        include: Vec::new(),
        predicate: None,
        method: "btree".to_owned(),
        size_bytes: 0,
        cost_before: None,
        cost_after: None,
        workload_cost: None,
        why: Some(format!("compared for equality by {asked_by}")),
        statements: Vec::new(),
        basis: Basis::Heuristic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_set_equal_to_a_value_are_seen() {
        let all: Vec<_> =
            parts("select * from t join u on t.id = u.t where a.\"B c\" = $1 and d = 5 and e > 7").collect();
        assert_eq!(compared(&all), ["B c", "d"]);
    }
}
