-- Adds events to the audit log's inbox, by five lists: times in seconds since 1970, kinds, clients, counts, details.
-- No rows. Locks: RowExclusiveLock on the inbox.
insert into courant.audit_inbox (at, event, client, count, detail)
select pg_catalog.to_timestamp(e.at), e.event, e.client, e.count, e.detail
from unnest($1::float8[], $2::text[], $3::text[], $4::int8[], $5::text[]) as e (at, event, client, count, detail)
