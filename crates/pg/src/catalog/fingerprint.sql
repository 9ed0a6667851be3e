-- A hash over what plans, read sets and authorization rest on. One row.
-- Locks: AccessShareLock on the catalogs.
with class as materialized (
    select
        c.oid,
        pg_catalog.hash_record_extended(row(
            c.oid, c.relname, c.relnamespace, c.reloftype, c.relowner, c.relpersistence, c.relkind, c.relnatts,
            c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition, c.reloptions, c.relacl
        ), 0) as hash
    from pg_catalog.pg_class c
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c', 'S')
        and c.relpersistence <> 't'
        and c.oid >= 16384
),
hashes (hash) as (
    select bit_xor(hash) from class
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(a.attrelid, a.attnum, a.xmin), 1))
    from pg_catalog.pg_attribute a
    where a.attnum > 0 and a.attrelid in (select class.oid from class)
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(p.oid, p.xmin), 2)) from pg_catalog.pg_policy p
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(p.oid, p.xmin), 3)) from pg_catalog.pg_proc p
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(r.oid, r.xmin), 4))
    from pg_catalog.pg_rewrite r
    where r.ev_class in (select class.oid from class)
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(k.oid, k.xmin), 5))
    from pg_catalog.pg_constraint k
    where k.conrelid in (select class.oid from class) or k.contypid <> 0
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(
        i.indexrelid, i.indrelid, i.indnkeyatts, i.indisprimary, i.indisreplident, i.indimmediate, i.indisvalid,
        i.indkey::int2[]
    ), 6))
    from pg_catalog.pg_index i
    where i.indisunique and i.indrelid in (select class.oid from class)
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(i.inhrelid, i.inhparent, i.xmin), 7))
    from pg_catalog.pg_inherits i
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(t.oid, t.xmin), 8))
    from pg_catalog.pg_type t
    where t.oid >= 16384 and t.typtype <> 'c' and t.typcategory <> 'A'
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(e.oid, e.xmin), 9)) from pg_catalog.pg_enum e
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(n.oid, n.xmin), 10))
    from pg_catalog.pg_namespace n
    where n.nspname !~ '^pg_(toast_)?temp_'
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(
        r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
        r.rolreplication, r.rolbypassrls, r.rolconfig
    ), 11))
    from pg_catalog.pg_roles r
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(m.roleid, m.member, m.xmin), 12))
    from pg_catalog.pg_auth_members m
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(s.setdatabase, s.setrole, s.xmin), 13))
    from pg_catalog.pg_db_role_setting s
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(l.oid, l.xmin), 14))
    from pg_catalog.pg_collation l
    where l.oid >= 16384
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(o.oid, o.xmin), 15))
    from pg_catalog.pg_operator o
    where o.oid >= 16384
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(c.oid, c.xmin), 16))
    from pg_catalog.pg_cast c
    where c.oid >= 16384
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(a.aggfnoid, a.xmin), 17))
    from pg_catalog.pg_aggregate a
    where a.aggfnoid >= 16384
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(p.oid, p.xmin), 18)) from pg_catalog.pg_publication p
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(p.oid, p.xmin), 19)) from pg_catalog.pg_publication_rel p
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(m.mapcfg, m.maptokentype, m.mapseqno, m.xmin), 20))
    from pg_catalog.pg_ts_config_map m
    where m.mapcfg >= 16384
    union all
    select bit_xor(pg_catalog.hash_record_extended(row(d.oid, d.xmin), 21))
    from pg_catalog.pg_ts_dict d
    where d.oid >= 16384
    union all
    select pg_catalog.hash_record_extended(row(
        current_setting('TimeZone'), current_setting('DateStyle'), current_setting('IntervalStyle'),
        current_setting('search_path'), current_setting('extra_float_digits'), current_setting('bytea_output'),
        current_setting('default_text_search_config'), current_setting('row_security'),
        current_setting('lc_monetary'), current_setting('lc_numeric'), current_setting('lc_time'),
        current_setting('xmlbinary'), current_setting('array_nulls')
    ), 22)
),
numbered as (
    select row_number() over () as part, coalesce(hash, 0) as hash from hashes
)
select pg_catalog.hashtextextended(string_agg(hash::text, ',' order by part), 0) from numbered
