-- How many entries wait to be linked, and the chain's ends, null where their row is gone. One row.
-- Locks: AccessShareLock on both tables.
select i.waiting, c.first_seq, c.first_previous, c.last_seq, c.last_hash
from (select count(*) as waiting from courant.audit_inbox) i
left join courant.audit_chain c on true
