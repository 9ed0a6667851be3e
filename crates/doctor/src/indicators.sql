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
        -- What an index alone answers is fetched from no table, and counted where it was read.
        select 100.0 * sum(s.seq_tup_read)
            / nullif(sum(s.seq_tup_read + greatest(coalesce(s.idx_tup_fetch, 0), coalesce(i.tup_read, 0))), 0)
        from pg_stat_user_tables s
        join pg_class c on c.oid = s.relid
        cross join lateral (
            select sum(u.idx_tup_read) as tup_read from pg_stat_user_indexes u where u.relid = s.relid
        ) i
        where greatest(s.n_live_tup, c.reltuples) > 10000 and s.schemaname <> 'courant'
    )::float8 as non_index
