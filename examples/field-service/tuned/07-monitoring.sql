-- What an operator looks at.

-- Tables with more than a thousand dead rows, and their share.
create view public.v_table_bloat as
select
    s.schemaname,
    s.relname as tablename,
    s.n_live_tup,
    s.n_dead_tup,
    round(100.0 * s.n_dead_tup / nullif(s.n_live_tup + s.n_dead_tup, 0), 2) as dead_share,
    pg_total_relation_size(s.relid) as total_bytes,
    s.last_vacuum,
    s.last_autovacuum
from pg_stat_user_tables s
where s.n_dead_tup > 1000;

revoke all on public.v_table_bloat from anon, authenticated;
grant select on public.v_table_bloat to service_role;

-- Statements that take more than 100 ms on average, where the server counts statements.
do $$
begin
    if not exists (select from pg_extension where extname = 'pg_stat_statements') then
        raise notice 'no view v_slow_queries: the extension pg_stat_statements is not installed in this database';
        return;
    end if;
    create view public.v_slow_queries as
    select
        s.queryid,
        s.query,
        s.calls,
        s.mean_exec_time as mean_time,
        s.max_exec_time as max_time,
        s.total_exec_time as total_time,
        s.rows,
        round(100.0 * s.shared_blks_hit / nullif(s.shared_blks_hit + s.shared_blks_read, 0), 2) as hit_share
    from pg_stat_statements s
    where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
        and s.mean_exec_time > 100;
    revoke all on public.v_slow_queries from anon, authenticated;
    grant select on public.v_slow_queries to service_role;
end
$$;
