-- A row for each constraint that was never validated.
-- Locks: catalogs, access share.
select
    k.conrelid::regclass::text || '.' || k.conname as object,
    'info' as severity,
    format('%I on %s was never validated', k.conname, k.conrelid::regclass) as summary,
    json_build_object('definition', pg_get_constraintdef(k.oid))::text as evidence,
    format('alter table %s validate constraint %I', k.conrelid::regclass, k.conname) as fix_sql,
    null as undo_sql
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where not k.convalidated and k.contype in ('c', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by 1
