-- Makes the schema, the list of migrations, and the function that tells of schema changes. No rows.
-- Locks: none that readers or writers of other schemas could meet.
create schema courant;

comment on schema courant is 'Made by Courant; removed by "courant uninstall".';

create table courant.migration (
    number int4 primary key,
    applied_at timestamptz not null default pg_catalog.now()
);

-- A superuser may install what another role uses.
grant usage on schema courant to public;
grant select on courant.migration to public;

-- Whatever goes wrong in here must not fail the command of the user who happens to fire it: every error is
-- swallowed, and the catalog's fingerprint tells of the change a second later.
create function courant.tell_schema_change() returns event_trigger
language plpgsql
set search_path = pg_catalog
as $function$
declare
    lasting boolean := true;
begin
    begin
        if tg_event = 'sql_drop' then
            lasting := exists (select from pg_event_trigger_dropped_objects() d where not d.is_temporary);
        elsif tg_tag in ('COMMENT', 'SECURITY LABEL', 'REFRESH MATERIALIZED VIEW') then
            lasting := false;
        elsif tg_tag like 'DROP %' then
            -- The event sql_drop tells of it.
            lasting := false;
        else
            lasting := not exists (select from pg_event_trigger_ddl_commands())
                or exists (
                    select from pg_event_trigger_ddl_commands() c where c.schema_name is distinct from 'pg_temp'
                );
        end if;
    exception when others then
        lasting := true;
    end;
    if lasting then
        perform pg_logical_emit_message(true, 'courant.schema', tg_tag);
    end if;
exception when others then
    null;
end
$function$;

insert into courant.migration (number) values (1);
