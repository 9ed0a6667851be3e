-- A row for the server, and for each table, whose autovacuum is switched off.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'warning' as severity,
    format('autovacuum is switched off for %s', c.oid::regclass) as summary,
    json_build_object('reloptions', c.reloptions)::text as evidence,
    format('alter table %s reset (autovacuum_enabled)', c.oid::regclass) as fix_sql,
    format('alter table %s set (autovacuum_enabled = false)', c.oid::regclass) as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral pg_options_to_table(c.reloptions) o
where o.option_name = 'autovacuum_enabled' and not o.option_value::bool and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
union all
select
    'server', 'critical', 'autovacuum is switched off for the whole server',
    json_build_object('autovacuum', s.setting, 'source', s.source)::text, null, null
from pg_settings s
where s.name = 'autovacuum' and s.setting = 'off'
order by 1
