-- The queues that are paused, by name. Locks: AccessShareLock on courant.queue_paused.
select q.queue from courant.queue_paused q order by 1
