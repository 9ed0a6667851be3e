-- One row: blocks of tables and indexes found in PostgreSQL's buffers and read from outside them, rows fetched through
-- indexes and rows read by sequential scans of tables over 10,000 rows. Takes no locks to speak of.
select
    coalesce(sum(io.heap_blks_hit + coalesce(io.idx_blks_hit, 0)), 0)::bigint,
    coalesce(sum(io.heap_blks_read + coalesce(io.idx_blks_read, 0)), 0)::bigint,
    coalesce(sum(t.idx_tup_fetch) filter (where t.n_live_tup > 10000), 0)::bigint,
    coalesce(sum(t.seq_tup_read) filter (where t.n_live_tup > 10000), 0)::bigint
from pg_stat_user_tables t
join pg_statio_user_tables io on io.relid = t.relid
where t.schemaname = 'public'
