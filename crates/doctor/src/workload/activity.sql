-- Rows: the statements that other sessions of this database run at this moment.
-- Locks: none.
select a.query
from pg_stat_activity a
where a.datname = current_database() and a.pid <> pg_backend_pid() and a.state = 'active'
    and a.backend_type = 'client backend' and a.query <> '' and a.application_name <> 'courant doctor'
