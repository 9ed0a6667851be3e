-- Makes the session one that changes things: without a limit for the statement, since an index takes what it takes.
-- No rows. Locks: none.
set search_path = pg_catalog;
set application_name = 'courant doctor';
set default_transaction_read_only = off;
set statement_timeout = 0;
set lock_timeout = '2s';
set idle_in_transaction_session_timeout = '60s';
set jit = off;
