-- One row: dead rows in percent of all rows of the example's tables. Takes no locks to speak of.
select coalesce(100.0 * sum(t.n_dead_tup) / nullif(sum(t.n_live_tup + t.n_dead_tup), 0), 0)::float8
from pg_stat_user_tables t
where t.schemaname = 'public'
