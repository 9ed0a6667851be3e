-- Claims of nobody, for policies that cannot be planned without any. No rows. Locks: none.
set local request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000000"}';
set local request.jwt.claim.sub = '00000000-0000-0000-0000-000000000000';
