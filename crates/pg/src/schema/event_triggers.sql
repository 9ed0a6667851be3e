-- Fires Courant's function after every schema change. No rows. Needs a superuser, or what the hosting provider
-- allows instead. Locks: RowExclusiveLock on pg_event_trigger.
drop event trigger if exists courant_ddl_end;
drop event trigger if exists courant_drop;
create event trigger courant_ddl_end on ddl_command_end execute function courant.tell_schema_change();
create event trigger courant_drop on sql_drop execute function courant.tell_schema_change();
