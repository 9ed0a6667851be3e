-- A row for each table of 1,000 rows or more that has no primary key and no other identity.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'notice' as severity,
    format('%s (%s rows) has no primary key', c.oid::regclass, c.reltuples::int8) as summary,
    json_build_object('rows', c.reltuples::int8)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p' and c.reltuples >= 1000 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not exists (select from pg_index i where i.indrelid = c.oid and (i.indisprimary or i.indisreplident))
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by c.reltuples desc, 1
