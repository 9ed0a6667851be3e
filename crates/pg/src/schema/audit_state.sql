-- What exists of the audit log: the role, and its rights to the log. One row. Locks: AccessShareLock on the catalogs.
select
    exists (select from pg_catalog.pg_roles r where r.rolname = 'courant_audit') as has_role,
    exists (
        select from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        join pg_catalog.pg_roles r on r.rolname = 'courant_audit'
        where n.nspname = 'courant' and p.proname = 'audit_link'
            and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
    ) as has_rights
