-- Brings a row back that waits under its key and a thousand. No rows; locks that row.
create temp table kept on commit drop as select * from items where id = $1 + 1000;
delete from items where id = $1 + 1000;
insert into items select id - 1000, group_id, version + 1, rank, note, stamp from kept;
