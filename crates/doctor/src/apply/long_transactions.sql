-- Rows: transactions that have been open for a minute, of any database, since building an index waits for those that could
-- see its table. Locks: none.
select
    format('pid %s (%s) has had a transaction open for %s', a.pid, coalesce(nullif(a.application_name, ''), a.usename),
        date_trunc('second', now() - a.xact_start))
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.datname = current_database() and now() - a.xact_start > interval '1 minute'
    and a.backend_type = 'client backend'
order by a.xact_start
limit 20
