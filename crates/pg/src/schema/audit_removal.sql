-- Whether the audit log's role is there and was made by Courant. One row. Locks: AccessShareLock on the catalogs.
select exists (
    select from pg_catalog.pg_roles r
    where r.rolname = 'courant_audit'
        and pg_catalog.shobj_description(r.oid, 'pg_authid') like 'Made by Courant;%'
)
