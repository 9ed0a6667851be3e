-- What exists of Courant's schema. One row. Locks: AccessShareLock on the catalogs.
select
    exists (select from pg_catalog.pg_namespace n where n.nspname = 'courant') as has_schema,
    exists (
        select from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'courant' and c.relname = 'migration'
    ) as has_migrations,
    (
        select count(*) = 2
        from pg_catalog.pg_event_trigger t
        where t.evtname in ('courant_ddl_end', 'courant_drop')
    ) as has_triggers
