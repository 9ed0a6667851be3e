-- Lets the role add entries and have them linked: not read, not change, not remove. No rows.
-- Locks: AccessShareLock on the tables.
grant insert (at, event, client, count, detail) on courant.audit_inbox to courant_audit;
grant execute on function courant.audit_link(int4) to courant_audit;
