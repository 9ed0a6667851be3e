-- One row where temporary files take more than a gigabyte a day.
-- Locks: catalogs, access share.
select
    d.datname::text as object,
    'notice' as severity,
    format('%s temporary files took %s since %s', d.temp_files, pg_size_pretty(d.temp_bytes),
        date_trunc('second', a.since)) as summary,
    json_build_object('files', d.temp_files, 'bytes', d.temp_bytes, 'since', a.since, 'work_mem', current_setting('work_mem'))::text
        as evidence,
    null as fix_sql,
    null as undo_sql
from pg_stat_database d
cross join lateral (select coalesce(d.stats_reset, pg_postmaster_start_time()) as since) a
where d.datname = current_database()
    and d.temp_bytes > 1073741824 * greatest(1, extract(epoch from now() - a.since) / 86400)
