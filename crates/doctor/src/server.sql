-- One row: what the server is, and what this login may see there.
-- Locks: catalogs, access share.
select
    current_setting('server_version') as version,
    current_setting('server_version_num')::int4 as version_number,
    current_database()::text as database,
    to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as now,
    pg_is_in_recovery() as is_standby,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as reads_all_statistics,
    (
        select n.nspname::text
        from pg_extension e
        join pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'pg_stat_statements'
    ) as statements_schema
