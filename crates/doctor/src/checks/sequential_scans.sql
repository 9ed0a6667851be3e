-- A row for each table of 10,000 rows or more that is mostly read whole.
-- Locks: catalogs, access share.
select
    s.relid::regclass::text as object,
    case when greatest(s.n_live_tup, c.reltuples::int8) >= 100000 then 'warning' else 'notice' end as severity,
    format('%s was read from end to end %s times, %s rows each time', s.relid::regclass, s.seq_scan,
        s.seq_tup_read / s.seq_scan) as summary,
    json_build_object(
        'seq_scan', s.seq_scan, 'seq_tup_read', s.seq_tup_read, 'idx_scan', coalesce(s.idx_scan, 0), 'rows', greatest(s.n_live_tup, c.reltuples::int8),
        'size_bytes', c.relpages::int8 * current_setting('block_size')::int8
    )::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
join pg_namespace n on n.oid = c.relnamespace
where greatest(s.n_live_tup, c.reltuples::int8) >= 10000 and s.seq_scan >= 100 and s.seq_tup_read / s.seq_scan >= 5000
    and s.seq_scan > 0.05 * (s.seq_scan + coalesce(s.idx_scan, 0)) and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by s.seq_tup_read desc, 1
