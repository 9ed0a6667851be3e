-- A transaction over a group: its items by id and new version. Locks those items, in the order of their ids.
update items set version = version + 1, rank = (rank * 7 + 3) % 50
where id in (select id from items where group_id = $1 order by id for update)
returning id, version
