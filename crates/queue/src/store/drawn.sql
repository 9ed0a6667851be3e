-- How far places in the queues were drawn. One row. Locks: AccessShareLock on the sequence.
select s.last_value from courant.job_seq s
