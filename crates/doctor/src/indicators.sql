-- One row: block reads that missed, dead rows, and rows read without an index, each in percent, or null where too little
-- was counted to say. Counters of rows begin anew when they are reset; the planner's number of rows does not.
-- Locks: catalogs, access share.
select
    (
        select case when d.blks_hit + d.blks_read >= 1000 then 100.0 * d.blks_read / (d.blks_hit + d.blks_read) end
        from pg_stat_database d
        where d.datname = current_database()
    )::float8 as cache_miss,
    (
        select 100.0 * sum(s.n_dead_tup) / nullif(sum(s.n_dead_tup + greatest(s.n_live_tup, c.reltuples)), 0)
        from pg_stat_user_tables s
        join pg_class c on c.oid = s.relid
        where s.schemaname <> 'courant'
    )::float8 as dead_tuples,
    (
        select 100.0 * sum(s.seq_tup_read) / nullif(sum(s.seq_tup_read + coalesce(s.idx_tup_fetch, 0)), 0)
        from pg_stat_user_tables s
        join pg_class c on c.oid = s.relid
        where greatest(s.n_live_tup, c.reltuples) > 10000 and s.schemaname <> 'courant'
    )::float8 as non_index
