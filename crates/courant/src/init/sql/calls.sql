-- How often each statement of this database was called: a row each, its number and the count. Takes no locks.
select queryid, sum(calls)::int8 as calls
from pg_stat_statements(false)
where dbid = (select oid from pg_database where datname = current_database()) and queryid is not null
group by queryid
