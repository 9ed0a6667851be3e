-- Records that the transaction has written, if it has, in the audit log. One row. Locks: RowExclusiveLock on the log's
-- inbox.
select courant.audit_record($1::text, $2::text, $3::text, $4::text, $5::text, $6::text)
