-- One row where more than 5 % of 10,000 block reads or more missed the buffers.
-- Locks: catalogs, access share.
select
    d.datname::text as object,
    case when d.blks_hit < 0.85 * (d.blks_hit + d.blks_read) then 'warning' else 'notice' end as severity,
    format('%s %% of block reads came from the buffers', round(100.0 * d.blks_hit / (d.blks_hit + d.blks_read), 1)) as summary,
    json_build_object(
        'blks_hit', d.blks_hit, 'blks_read', d.blks_read, 'shared_buffers', current_setting('shared_buffers')
    )::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_stat_database d
where d.datname = current_database() and d.blks_read >= 10000 and d.blks_hit < 0.95 * (d.blks_hit + d.blks_read)
