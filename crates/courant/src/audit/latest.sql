-- The last rows of the chain ($1: how many), the oldest first. Locks: AccessShareLock on courant.audit.
select l.seq, l.entry, l.previous, l.hash
from (
    select a.seq, a.entry::text as entry, a.previous, a.hash from courant.audit a order by a.seq desc limit $1
) l
order by l.seq
