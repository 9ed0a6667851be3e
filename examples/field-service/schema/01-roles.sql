-- The roles that requests run as. Roles belong to the whole cluster, so another database may have made them.
do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values ('anon', ''), ('authenticated', ''), ('service_role', 'bypassrls')) as roles (name, attribute)
    loop
        begin
            execute format('create role %I nologin noinherit %s', wanted.name, wanted.attribute);
        exception
            -- Two databases set up at the same moment collide in pg_authid's unique index.
            when duplicate_object or unique_violation then null;
        end;
    end loop;
    -- A superuser may become any role already.
    if current_setting('is_superuser') <> 'on' then
        execute format('grant anon, authenticated, service_role to %I', current_user);
    end if;
end
$$;
