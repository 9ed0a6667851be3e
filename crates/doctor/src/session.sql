-- Sets the session up: names are resolved by the system's alone (so that every other one is printed with its schema),
-- nothing is written, and nothing is waited for. No rows. Locks: none.
set search_path = pg_catalog;
set application_name = 'courant doctor';
set default_transaction_read_only = on;
set statement_timeout = '30s';
set lock_timeout = '500ms';
set idle_in_transaction_session_timeout = '60s';
set jit = off;
set datestyle = 'ISO';
set intervalstyle = 'postgres';
