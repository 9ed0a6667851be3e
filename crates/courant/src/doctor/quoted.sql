-- A row for each of the names $1: as it is, and as SQL takes it.
-- Locks: none.
select distinct n.name, pg_catalog.quote_ident(n.name)
from unnest($1) as n (name)
