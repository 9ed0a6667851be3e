-- A row for each table with 10,000 dead rows or more that are a fifth of it.
-- Locks: catalogs, access share.
select
    s.relid::regclass::text as object,
    case when s.n_dead_tup > greatest(s.n_live_tup, c.reltuples::int8) then 'warning' else 'notice' end as severity,
    format('%s of the %s rows in %s are dead', s.n_dead_tup, greatest(s.n_live_tup, c.reltuples::int8) + s.n_dead_tup, s.relid::regclass) as summary,
    json_build_object(
        'dead', s.n_dead_tup, 'live', greatest(s.n_live_tup, c.reltuples::int8),
        'last_vacuum', greatest(s.last_vacuum, s.last_autovacuum), 'vacuums', s.vacuum_count + s.autovacuum_count
    )::text as evidence,
    format('vacuum (analyze) %s', s.relid::regclass) as fix_sql,
    null as undo_sql
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
join pg_namespace n on n.oid = c.relnamespace
where s.n_dead_tup >= 10000 and s.n_dead_tup > 0.2 * (greatest(s.n_live_tup, c.reltuples::int8) + s.n_dead_tup) and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by s.n_dead_tup desc, 1
