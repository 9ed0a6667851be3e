-- The texts of statements, by number ($1): a row each. Takes no locks.
select distinct on (queryid) queryid, query
from pg_stat_statements(true)
where queryid = any ($1::int8[]) and query is not null
order by queryid
