-- Makes the role that may add to the audit log and do nothing else to it. No rows. Needs CREATEROLE.
-- Roles belong to the whole server: another database's node may have made it a moment ago.
do $$
begin
    create role courant_audit nologin;
    comment on role courant_audit is 'Made by Courant; removed by "courant uninstall".';
exception when duplicate_object or unique_violation then
    null;
end
$$
