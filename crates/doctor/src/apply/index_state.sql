-- One row: whether what bears the name $1 is a valid index; null where there is nothing. Whatever else bears it counts as
-- valid, for it is not ours to drop. Locks: catalogs, access share.
select case
    when to_regclass($1) is null then null
    else coalesce((select i.indisvalid and i.indisready from pg_index i where i.indexrelid = to_regclass($1)), true)
end
