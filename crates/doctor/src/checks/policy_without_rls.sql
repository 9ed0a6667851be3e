-- A row for each table that has policies and no row-level security.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'critical' as severity,
    format('%s has %s policies, and row-level security is off', c.oid::regclass, p.policies) as summary,
    json_build_object('policies', p.policies)::text as evidence,
    format('alter table %s enable row level security', c.oid::regclass) as fix_sql,
    format('alter table %s disable row level security', c.oid::regclass) as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join (select polrelid, count(*) as policies from pg_policy group by polrelid) p on p.polrelid = c.oid
where not c.relrowsecurity and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by 1
