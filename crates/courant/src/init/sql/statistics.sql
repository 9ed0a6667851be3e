-- Whether statement statistics can be read, and which schemas there are. The extension's schema is put at the end
-- of this session's search path. One row. Takes no locks beyond those of the catalogs it reads.
select
    exists (select from pg_extension where extname = 'pg_stat_statements') as has_statements,
    (
        select set_config('search_path', current_setting('search_path') || ', ' || quote_ident(n.nspname), false)
        from pg_extension e
        join pg_namespace n on n.oid = e.extnamespace
        where e.extname = 'pg_stat_statements'
    ) as search_path,
    current_schemas(false)::text[] as searched,
    array(
        select nspname::text
        from pg_namespace
        where nspname !~ '^pg_' and nspname not in ('information_schema', 'courant')
        order by 1
    ) as schemas,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all
