-- Refuses (42501) where a role ($1) may not work on a queue ($2). One row. Locks: AccessShareLock on courant.queue_right.
select courant.queue_check_role($1::text::name, 'work', $2)
