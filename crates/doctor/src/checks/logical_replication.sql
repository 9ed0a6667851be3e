-- A row for each thing that stands in the way of a logical subscriber.
-- Locks: catalogs, access share.
select
    w.object, 'info' as severity, w.summary, w.evidence::text as evidence, w.fix_sql, null as undo_sql
from (
    select
        'wal_level' as object, format('wal_level is %s; logical is needed, and a restart', current_setting('wal_level')) as summary,
        json_build_object('wal_level', current_setting('wal_level')) as evidence,
        format('alter system set wal_level = %L', 'logical') as fix_sql
    where current_setting('wal_level') <> 'logical'
    union all
    select
        'max_replication_slots', 'no replication slot is free',
        json_build_object('max_replication_slots', current_setting('max_replication_slots')), null
    where (select count(*) from pg_replication_slots) >= current_setting('max_replication_slots')::int8
    union all
    select
        c.oid::regclass::text,
        format('%s has no replica identity: its updates could not be published', c.oid::regclass),
        json_build_object('relreplident', c.relreplident), null
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
        and c.relreplident in ('d', 'n')
        and (c.relreplident = 'n' or not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary))
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
) w
order by 1
limit 50
