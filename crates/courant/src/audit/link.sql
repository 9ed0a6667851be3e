-- Links waiting entries into the chain, at most $1, and tells how many and where the chain ends. One row.
-- Locks: the chain's one row, or none where somebody else has it.
select l.linked, l.seq, encode(l.hash, 'hex') as hash from courant.audit_link($1) as l
