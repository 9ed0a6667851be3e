-- The generator's references hold by construction: a superuser skips their check, anybody else pays for it.
-- Returns one row or none. Locks nothing; lasts until the transaction ends.
select set_config('session_replication_role', 'replica', true)
where current_setting('is_superuser') = 'on'
