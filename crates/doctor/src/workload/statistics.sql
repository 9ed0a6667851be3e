-- Rows: the 5,000 statements of this database that took longest, without those that manage sessions or
-- only look at the catalogs. Columns are taken by name from a document, because versions name them differently.
-- Locks: none.
with counters as (
    select s.queryid, s.query, s.userid, to_jsonb(s) - 'query' as c
    from pg_stat_statements s
    where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
        and s.queryid is not null and s.query <> '<insufficient privilege>'
        and s.query !~* '^\s*(/\*.*?\*/|--[^\n]*\n|\s)*(set|reset|show|begin|start|commit|end|rollback|abort|savepoint|release|discard|deallocate|listen|unlisten|notify|explain|vacuum|analyze|create|alter|drop|grant|revoke|comment|reindex|copy|checkpoint|truncate|lock|do|prepare|close|fetch|declare|cluster|refresh)\y'
        -- What PostgREST sends for its users counts by pg_catalog.count.
        and (s.query ~ '\ypgrst_source\y' or s.query !~ '\ypg_(catalog|class|stat_|stats|namespace|attribute|index|proc|roles|settings|extension|database|locks|logical_emit_message|advisory|try_advisory|backend_pid|sleep)')
        -- A node's reads for its users take a snapshot along; what takes one and reads no relation is its own.
        and (s.query !~ '\ypg_current_snapshot' or s.query ~ '"courant_0"')
        and s.query !~ '\ycourant\.' and s.query !~ 'set_config'
), named as (
    select
        k.queryid, k.query,
        (k.c ->> 'calls')::float8 as calls,
        coalesce(k.c ->> 'total_exec_time', k.c ->> 'total_time')::float8 as total_ms,
        coalesce(k.c ->> 'mean_exec_time', k.c ->> 'mean_time')::float8 as mean_ms,
        coalesce(k.c ->> 'stddev_exec_time', k.c ->> 'stddev_time')::float8 as deviation_ms,
        (k.c ->> 'rows')::float8 as rows,
        r.rolname::text as role
    from counters k
    left join pg_roles r on r.oid = k.userid
    -- Statements inside functions are in the time of those that called them, and left out unless $1 wants them.
    where coalesce((k.c ->> 'toplevel')::bool, true) or $1
)
select n.queryid, n.query, n.calls, n.total_ms, n.mean_ms, n.deviation_ms, n.rows, n.role
from named n
order by n.total_ms desc
limit 5000
