-- Inserts a row each time.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"title":"A title","note":"A note of a few words"}'
