-- The policy as the schema made it. No rows; locks docs for a moment.
alter policy mine on docs using (
    group_id in (
        select m.group_id from members m
        where m.person = current_setting('request.jwt.claims', true)::json ->> 'sub'
    )
)
