-- The settings pgrst.* of these names ($1) that this session has. One row each. No locks.
select name, current_setting('pgrst.' || name, true) as value
from unnest($1::text[]) name
where nullif(current_setting('pgrst.' || name, true), '') is not null
