-- Every row of a table by id and new version. Locks them all, in the order of their ids.
update $table set version = version + 1
where id in (select id from $table order by id for update)
returning id, version
