//! Makes the catalog from the system catalogs' rows. Pure, but for how rows of signatures are decoded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio_postgres::Row;

use super::dependence::Mentioned;
use super::source::{Source, SourceForeignKey, SourceRelation, letter};
use super::storage;
use super::tables;
use super::views::Views;
use super::{
    Argument, Catalog, Conversion, ForeignKey, Function, KeptSettings, MediaType, Relation, RelationId,
    RelationKind, Representation, Returns,
};

/// The oid of `tsvector`.
const TSVECTOR: u32 = 3614;

/// The catalog with the relations and functions of the exposed schemas.
pub(super) fn catalog(source: &Source, schemas: &[String]) -> Result<Catalog, tokio_postgres::Error> {
    let mentioned = Mentioned::read(source);
    let exposed: HashSet<&str> = schemas.iter().map(String::as_str).collect();
    let views = Views::read(source);
    let mut catalog = Catalog {
        tables: tables::all(source),
        timezones: source.timezones.clone(),
        roles: source.roles.iter().map(|(name, kept)| (name.clone(), Arc::new(kept.clone()))).collect(),
        server_version: source.server_version,
        fingerprint: source.fingerprint,
        ..Catalog::default()
    };
    let representations = representations(source, &mentioned);
    for (id, found) in &source.relations {
        if exposed.contains(found.schema.as_str())
            && !storage::is_system(&found.schema)
            && let Some(kind) = kind(found)
        {
            let relation = relation(source, &mentioned, &views, *id, found, kind);
            let relation = Arc::new(searched(spoken(relation, &representations), source));
            catalog.by_id.insert(*id, Arc::clone(&relation));
            catalog.relations.insert((found.schema.clone(), found.name.clone()), relation);
        }
    }
    let keys: Vec<ForeignKey> =
        source.foreign_keys.iter().filter_map(|key| foreign_key(source, key)).collect();
    let derived: Vec<ForeignKey> = keys.iter().flat_map(|key| views.derived(key)).collect();
    let exposed = |id: &RelationId| catalog.by_id.contains_key(id);
    let keys = keys.into_iter().chain(derived).filter(|key| exposed(&key.from) && exposed(&key.to)).collect();
    catalog.foreign_keys = keys;
    let mut functions: HashMap<(String, String), Vec<Arc<Function>>> = HashMap::new();
    for row in &source.signatures {
        let function = function(row, &mentioned)?;
        let function = Arc::new(function);
        if row.try_get(17)? {
            catalog.handlers.push(function);
            continue;
        }
        if let (Some(relation), [_]) = (function.takes, function.arguments.as_slice()) {
            let name = (relation, function.name.clone());
            catalog.computed.entry(name).or_insert_with(|| Arc::clone(&function));
        }
        let name = (function.schema.clone(), function.name.clone());
        functions.entry(name).or_default().push(function);
    }
    catalog.functions = functions;
    Ok(catalog)
}

/// The representations of domains, by their oids.
fn representations(source: &Source, mentioned: &Mentioned<'_>) -> HashMap<u32, Arc<Representation>> {
    let mut found: HashMap<u32, Representation> = HashMap::new();
    for conversion in &source.conversions {
        let representation = found.entry(conversion.domain).or_default();
        let place = match conversion.way.as_str() {
            "shown" => &mut representation.shown,
            "of_json" => &mut representation.of_json,
            _ => &mut representation.of_text,
        };
        let (schema, name) = (conversion.schema.clone(), conversion.name.clone());
        let dependence = mentioned.of_function(conversion.function);
        *place = Some(Conversion { schema, name, dependence });
    }
    found.into_iter().map(|(domain, representation)| (domain, Arc::new(representation))).collect()
}

/// The relation, its columns spoken of as their domains are.
fn spoken(mut relation: Relation, representations: &HashMap<u32, Arc<Representation>>) -> Relation {
    for column in &mut relation.columns {
        column.representation = representations.get(&column.type_id).cloned();
    }
    relation
}

/// The relation, columns of domains over `tsvector` searched as those of `tsvector` itself are.
fn searched(mut relation: Relation, source: &Source) -> Relation {
    for column in &mut relation.columns {
        let mut below = column.type_id;
        while let Some(domain) = source.domains.get(&below) {
            below = domain.base;
        }
        if below == TSVECTOR {
            column.type_id = TSVECTOR;
        }
    }
    relation
}

fn kind(relation: &SourceRelation) -> Option<RelationKind> {
    match relation.kind {
        b'r' => Some(RelationKind::Table),
        b'p' => Some(RelationKind::Partitioned),
        b'v' => Some(RelationKind::View),
        b'm' => Some(RelationKind::MaterializedView),
        b'f' => Some(RelationKind::Foreign),
        _ => None,
    }
}

fn relation(
    source: &Source,
    mentioned: &Mentioned<'_>,
    views: &Views,
    id: RelationId,
    found: &SourceRelation,
    kind: RelationKind,
) -> Relation {
    let primary_key = |id| {
        let mut keys = source.keys.get(&id).into_iter().flatten();
        let primary = keys.find(|key| key.primary);
        primary.and_then(|key| storage::names(source, id, &key.columns, |_| true)).unwrap_or_default()
    };
    let is_view = matches!(kind, RelationKind::View | RelationKind::MaterializedView);
    Relation {
        id,
        schema: found.schema.clone(),
        name: found.name.clone(),
        kind,
        columns: tables::columns(source, id),
        primary_key: if is_view { views.primary_key(id, primary_key) } else { primary_key(id) },
        identity: storage::shared_identity(source, id),
        identity_full: storage::is_told_whole(source, id),
        policies: mentioned.policies(id),
        column_grants: source.columns.get(&id).into_iter().flatten().any(|column| column.granted),
        stored_in: storage::stored_in(source, id),
        dependence: mentioned.of_relation(id),
    }
}

fn foreign_key(source: &Source, key: &SourceForeignKey) -> Option<ForeignKey> {
    let from: HashSet<i16> = key.from_columns.iter().copied().collect();
    let unique = |columns: &[i16]| columns.iter().all(|column| from.contains(column));
    Some(ForeignKey {
        name: key.name.clone(),
        from: key.from,
        from_columns: storage::names(source, key.from, &key.from_columns, |_| true)?,
        to: key.to,
        to_columns: storage::names(source, key.to, &key.to_columns, |_| true)?,
        one_to_one: source.keys.get(&key.from).into_iter().flatten().any(|index| unique(&index.columns)),
    })
}

fn function(row: &Row, mentioned: &Mentioned<'_>) -> Result<Function, tokio_postgres::Error> {
    let id: u32 = row.try_get(0)?;
    Ok(Function {
        id,
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        arguments: arguments(row)?,
        returns: returns(row)?,
        returns_set: row.try_get(4)?,
        one_row: row.try_get(16)?,
        media: match row.try_get::<_, Option<String>>(18)? {
            Some(name) => Some(MediaType { name, binary: row.try_get(19)? }),
            None => None,
        },
        takes: row.try_get::<_, Option<u32>>(15)?.filter(|id| *id != 0).map(RelationId),
        read_only: row.try_get(3)?,
        settings: KeptSettings::of_function(&row.try_get::<_, Option<Vec<String>>>(20)?.unwrap_or_default()),
        dependence: mentioned.of_function(id),
    })
}

fn arguments(row: &Row) -> Result<Vec<Argument>, tokio_postgres::Error> {
    let types: Vec<String> = row.try_get(5)?;
    let names: Vec<String> = row.try_get::<_, Option<_>>(6)?.unwrap_or_default();
    let modes = row.try_get::<_, Option<Vec<i8>>>(7)?;
    let defaults = usize::try_from(row.try_get::<_, i16>(8)?).unwrap_or(0);
    let variadic: bool = row.try_get(9)?;
    // With modes, the names are those of all arguments, results included; without, all are inputs.
    let is_input = |at: usize| {
        modes.as_ref().is_none_or(|m| matches!(m.get(at).map(|m| *m as u8), Some(b'i' | b'b' | b'v')))
    };
    let mut names = names.into_iter().enumerate().filter(|(at, _)| is_input(*at)).map(|(_, name)| name);
    let count = types.len();
    let argument = |(at, type_name): (usize, String)| Argument {
        name: names.next().unwrap_or_default(),
        type_name,
        has_default: at + defaults >= count,
        variadic: variadic && at + 1 == count,
    };
    Ok(types.into_iter().enumerate().map(argument).collect())
}

fn returns(row: &Row) -> Result<Returns, tokio_postgres::Error> {
    const VOID: u32 = 2278;
    const RECORD: u32 = 2249;
    let modes = row.try_get::<_, Option<Vec<i8>>>(7)?.unwrap_or_default();
    let own_columns = modes.iter().any(|mode| matches!(*mode as u8, b'o' | b'b' | b't'));
    let type_id: u32 = row.try_get(10)?;
    let composite = letter(row, 12)? == b'c';
    let relation = match row.try_get::<_, Option<i8>>(14)?.map(|kind| kind as u8) {
        Some(b'r' | b'p' | b'v' | b'm' | b'f') => Some(RelationId(row.try_get(13)?)),
        _ => None,
    };
    Ok(match (type_id, relation) {
        (VOID, _) => Returns::Void,
        (_, Some(relation)) if composite => Returns::Relation(relation),
        // Of a record that tells no columns, only the whole can be shown.
        (RECORD, _) if !own_columns => Returns::Scalar(row.try_get(11)?),
        _ if composite || own_columns => Returns::Record,
        _ => Returns::Scalar(row.try_get(11)?),
    })
}
