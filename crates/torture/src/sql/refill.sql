-- Empties labels and what refers to them, and fills both again, every label a version on. No rows; locks both.
lock table labels, wears in access exclusive mode;
create temp table labels_kept on commit drop as select * from labels;
create temp table wears_kept on commit drop as select * from wears;
truncate labels, wears;
insert into labels select id, version + 1 from labels_kept;
insert into wears select * from wears_kept
