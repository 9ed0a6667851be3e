-- What the server and this role allow ($1: the publication's name). One row.
-- Locks: AccessShareLock on the catalogs.
select
    current_setting('server_version_num')::int4 as server_version,
    pg_catalog.pg_is_in_recovery() as is_standby,
    current_setting('wal_level') as wal_level,
    r.rolreplication or r.rolsuper or exists (
        select from pg_catalog.pg_roles h
        where h.rolname = 'rds_replication' and pg_catalog.pg_has_role(h.oid, 'usage')
    ) as may_replicate,
    current_setting('max_replication_slots')::int4 as slots,
    (select count(*) from pg_catalog.pg_replication_slots) as slots_used,
    current_setting('max_wal_senders')::int4 as senders,
    (select count(*) from pg_catalog.pg_stat_activity a where a.backend_type = 'walsender') as senders_used,
    pg_catalog.has_database_privilege(current_database(), 'create') as may_create,
    exists (select from pg_catalog.pg_publication p where p.pubname = $1) as has_publication,
    exists (select from pg_catalog.pg_namespace n where n.nspname = 'courant') as has_schema,
    (
        select count(*) = 2
        from pg_catalog.pg_event_trigger t
        where t.evtname in ('courant_ddl_end', 'courant_drop')
    ) as has_triggers,
    r.rolsuper as is_superuser,
    quote_ident(r.rolname) as role_name,
    quote_ident(current_database()) as database_name
from pg_catalog.pg_roles r
where r.rolname = current_user
