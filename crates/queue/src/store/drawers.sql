-- Which transactions have drawn places and not ended: each holds the sequence's lock from before its first place was
-- drawn until what it did can be seen. Rows: their virtual ids. Locks: none; reads the server's table of locks.
select l.virtualtransaction
from pg_catalog.pg_locks l
where l.locktype = 'relation' and l.relation = 'courant.job_seq'::pg_catalog.regclass
    and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    and l.mode = 'RowExclusiveLock' and l.granted
