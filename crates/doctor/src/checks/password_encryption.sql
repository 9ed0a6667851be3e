-- One row where new passwords are kept as MD5.
-- Locks: catalogs, access share.
select
    'password_encryption' as object,
    'warning' as severity,
    'new passwords are kept as MD5' as summary,
    json_build_object('source', s.source)::text as evidence,
    format('alter system set password_encryption = %L', 'scram-sha-256') as fix_sql,
    null as undo_sql
from pg_settings s
where s.name = 'password_encryption' and s.setting = 'md5' and current_setting('server_version_num')::int >= 140000
