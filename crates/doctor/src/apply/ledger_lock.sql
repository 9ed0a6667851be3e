-- One row: whether this session is the only doctor in this database. Locks: an advisory one, held until the session ends.
select pg_try_advisory_lock(hashtextextended('courant doctor', 0))
