-- A row for each column of a type that pg_upgrade refuses.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text || '.' || a.attname as object,
    'info' as severity,
    format('%I of %s is of type %s, which pg_upgrade refuses', a.attname, c.oid::regclass, a.atttypid::regtype) as summary,
    json_build_object('type', a.atttypid::regtype::text)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and a.atttypid in (
        'regcollation'::regtype, 'regconfig'::regtype, 'regdictionary'::regtype, 'regnamespace'::regtype, 'regoper'::regtype,
        'regoperator'::regtype, 'regproc'::regtype, 'regprocedure'::regtype
    )
order by 1
