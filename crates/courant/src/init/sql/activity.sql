-- What other sessions of this database asked last: a row each, told apart by session and moment. Takes no locks.
select pid::int8 as pid, (extract(epoch from query_start) * 1000000)::int8 as started, query
from pg_stat_activity
where
    datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
    and query_start is not null and query <> ''
