-- A row for each setting that trades safety for speed.
-- Locks: catalogs, access share.
select
    s.name as object,
    case when s.name = 'synchronous_commit' then 'info' else 'critical' end as severity,
    case
        when s.name = 'synchronous_commit' then 'synchronous_commit is off: a crash loses the last commits, and nothing else'
        else format('%s is off: a crash can destroy the database', s.name)
    end as summary,
    json_build_object('setting', s.setting, 'source', s.source)::text as evidence,
    case when s.source <> 'command line' then format('alter system set %s = on', s.name) end as fix_sql,
    null as undo_sql
from pg_settings s
where s.name in ('fsync', 'full_page_writes', 'synchronous_commit') and s.setting = 'off'
order by 1
