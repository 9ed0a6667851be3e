-- The whole chain in order. Locks: AccessShareLock on courant.audit.
select a.seq, a.entry::text, a.previous, a.hash from courant.audit a order by a.seq
