-- The rows of the chain behind a number ($2), at most $1, the oldest first. Locks: AccessShareLock on courant.audit.
select a.seq, a.entry::text, a.previous, a.hash from courant.audit a where a.seq > $2 order by a.seq limit $1
