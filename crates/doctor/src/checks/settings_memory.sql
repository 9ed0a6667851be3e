-- A row for each setting that does not fit the database, judged by its size.
-- Locks: catalogs, access share.
with facts as (
    select
        (select sum(c.relpages::int8) from pg_class c) * current_setting('block_size')::int8 as database_bytes,
        (select setting::int8 * 8192 from pg_settings where name = 'shared_buffers') as shared_bytes,
        (select setting::int8 * 8192 from pg_settings where name = 'effective_cache_size') as cache_bytes,
        (select setting::int8 * 1024 from pg_settings where name = 'maintenance_work_mem') as maintenance_bytes,
        (select setting::int8 * 1024 from pg_settings where name = 'work_mem') as work_bytes,
        current_setting('max_connections')::int8 as connections
)
select
    w.setting as object, w.severity, w.summary,
    json_build_object('value', current_setting(w.setting), 'database_bytes', f.database_bytes)::text as evidence,
    w.fix_sql, null as undo_sql
from facts f
cross join lateral (
    values
        ('shared_buffers', 'notice', f.shared_bytes <= 134217728 and f.database_bytes > 1073741824,
            format('shared_buffers is %s for a database of %s', pg_size_pretty(f.shared_bytes), pg_size_pretty(f.database_bytes)),
            null),
        ('effective_cache_size', 'notice', f.cache_bytes < f.shared_bytes,
            'effective_cache_size is less than shared_buffers: the planner shuns indexes',
            format('alter system set effective_cache_size = %L', 3 * f.shared_bytes / 1048576 || 'MB')),
        ('maintenance_work_mem', 'info', f.maintenance_bytes <= 67108864 and f.database_bytes > 10737418240,
            'maintenance_work_mem is small for a database of this size: index builds and vacuums take several passes',
            format('alter system set maintenance_work_mem = %L', '512MB')),
        ('work_mem', 'notice', f.work_bytes * f.connections > 16 * greatest(f.cache_bytes, f.shared_bytes),
            'work_mem times max_connections is many times the memory that the planner is told of', null),
        ('random_page_cost', 'info', current_setting('random_page_cost')::float8 >= 4 and f.database_bytes > 1073741824,
            'random_page_cost is 4, as of a rotating disk', 'alter system set random_page_cost = 1.1')
) as w (setting, severity, is_wrong, summary, fix_sql)
where w.is_wrong
order by 1
