-- A row for each index of a megabyte or more that was not read for $2 seconds or longer.
-- Locks: catalogs, access share.
select
    s.indexrelid::regclass::text as object,
    case when r.replicas > 0 then 'info' else 'notice' end as severity,
    format('%s (%s) was not read in %s days', s.indexrelid::regclass, pg_size_pretty(z.bytes), floor(a.age_s / 86400))
        || case when r.replicas > 0 then '; a replica may read it: look there before dropping it' else '' end as summary,
    json_build_object(
        'table', s.relid::regclass::text, 'size_bytes', z.bytes, 'statistics_age_s', round(a.age_s), 'replicas', r.replicas
    )::text as evidence,
    case when r.replicas = 0 then format('drop index concurrently if exists %s', s.indexrelid::regclass) end as fix_sql,
    case when r.replicas = 0 then
        regexp_replace(pg_get_indexdef(s.indexrelid), '^CREATE INDEX ', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS ')
    end as undo_sql
from pg_stat_user_indexes s
join pg_index i on i.indexrelid = s.indexrelid
join pg_class c on c.oid = s.indexrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select c.relpages::int8 * current_setting('block_size')::int8 as bytes) z
cross join (
    select extract(epoch from now() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8 as age_s
    from pg_stat_database d where d.datname = current_database()
) a
cross join (select count(*) as replicas from pg_stat_replication where application_name is distinct from 'courant') r
where s.idx_scan = 0 and i.indisvalid and not i.indisunique and not i.indisexclusion and not i.indisreplident
    and not i.indisclustered and z.bytes >= 1048576 and a.age_s >= $2 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not exists (select from pg_constraint k where k.conindid = s.indexrelid)
order by z.bytes desc, 1
