-- The statements that remove Courant's objects, in order: kind and statement, a row for each object that exists
-- ($1: the publication, $2: whether the schema is Courant's). Locks: AccessShareLock on the catalogs.
select removal.kind, removal.statement
from (
    select 1 as step, 'event trigger' as kind, format('drop event trigger %I', t.evtname) as statement
    from pg_catalog.pg_event_trigger t
    where t.evtname in ('courant_ddl_end', 'courant_drop')
    union all
    select 2, 'publication', format('drop publication %I', p.pubname)
    from pg_catalog.pg_publication p
    where p.pubname = $1 and not p.puballtables
    union all
    select 3, 'schema', 'drop schema courant cascade'
    where $2
) removal
order by removal.step
