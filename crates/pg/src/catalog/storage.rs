//! Where rows are stored, and by which columns the log names them.

use super::RelationId;
use super::source::{Source, SourceRelation};

/// Whether the schema belongs to the server: what it holds changes without the log telling.
pub(super) fn is_system(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema" | "pg_toast")
}

/// The relation, if it stores rows, and all its descendants that do, foreign ones included; ascending.
pub(super) fn leaves(source: &Source, id: RelationId) -> Vec<RelationId> {
    let mut found = Vec::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if let Some(relation) = source.relations.get(&id)
            && matches!(relation.kind, b'r' | b'f')
        {
            found.push(id);
        }
        open.extend(source.children.get(&id).into_iter().flatten());
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Where the relation's rows are stored, as the log names it.
pub(super) fn stored_in(source: &Source, id: RelationId) -> Vec<RelationId> {
    let mut leaves = leaves(source, id);
    leaves.retain(|leaf| {
        source
            .relations
            .get(leaf)
            .is_some_and(|relation| relation.kind == b'r' && !is_system(&relation.schema))
    });
    leaves
}

/// The columns by which the log names an old row of this table, in the key's order; empty where it cannot.
pub(super) fn identity(source: &Source, id: RelationId, table: &SourceRelation) -> Vec<String> {
    if table.kind != b'r' {
        return Vec::new();
    }
    let keys = source.keys.get(&id).map_or(&[][..], Vec::as_slice);
    let key = match table.identity {
        // A deferrable primary key is none to the log: two rows may share it for a while.
        b'd' | b'f' => keys.iter().find(|key| key.primary && key.immediate),
        b'i' => keys.iter().find(|key| key.identity),
        _ => return Vec::new(),
    };
    let columns = source.columns.get(&id).map_or(&[][..], Vec::as_slice);
    let told = match key {
        Some(key) => names(source, id, &key.columns, |column| !column.generated),
        None => None,
    };
    match (told, table.identity) {
        (Some(names), _) => names,
        (None, b'f') => columns.iter().filter(|c| !c.generated).map(|c| c.name.clone()).collect(),
        // Either there is no key, or a column of it is generated, which the log leaves out.
        (None, _) => Vec::new(),
    }
}

/// The identity that all tables in which the relation stores its rows share; empty where they differ.
pub(super) fn shared_identity(source: &Source, id: RelationId) -> Vec<String> {
    let mut leaves = stored_in(source, id).into_iter();
    let of = |leaf: RelationId| identity(source, leaf, &source.relations[&leaf]);
    let Some(first) = leaves.next().map(of) else { return Vec::new() };
    if leaves.all(|leaf| of(leaf) == first) { first } else { Vec::new() }
}

/// Whether the log tells old rows of all tables in which the relation stores its rows whole.
pub(super) fn is_told_whole(source: &Source, id: RelationId) -> bool {
    let leaves = stored_in(source, id);
    !leaves.is_empty() && leaves.iter().all(|leaf| source.relations[leaf].identity == b'f')
}

/// The names of numbered columns, or nothing where one does not exist or does not qualify.
pub(super) fn names(
    source: &Source,
    id: RelationId,
    numbers: &[i16],
    qualifies: impl Fn(&super::source::SourceColumn) -> bool,
) -> Option<Vec<String>> {
    let columns = source.columns.get(&id)?;
    let name = |number: &i16| {
        let column = columns.iter().find(|column| column.number == *number)?;
        qualifies(column).then(|| column.name.clone())
    };
    numbers.iter().map(name).collect()
}
