-- A row for each extension in the schema public.
-- Locks: catalogs, access share.
select
    e.extname::text as object,
    'info' as severity,
    format('the extension %I is in the schema public', e.extname) as summary,
    json_build_object('version', e.extversion)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_extension e
where e.extnamespace = (select n.oid from pg_namespace n where n.nspname = 'public')
order by 1
