-- Says whether the transaction has written, and if so emits a logical message with the content $1 (unless
-- it is null). Returns one row. Takes no locks.
select
    pg_catalog.pg_current_xact_id_if_assigned() is not null,
    case
        when pg_catalog.pg_current_xact_id_if_assigned() is not null
        then pg_catalog.pg_logical_emit_message(true, 'courant', $1::text)
    end
