//! The reference page of the configuration, generated from the table of keys.

use std::fmt::Write as _;

use super::keys::{Default, Key};

const HEAD: &str = "\
# Configuration

<!-- Generated from crates/courant/src/config/keys.rs by `cargo xtask reference`. -->

Read once, at the start. Where a key is set more than once, the last of these wins: the default,
`courant.toml` (or the file that `--config` or `COURANT_CONFIG` names), PostgREST's environment variables,
Courant's own, flags. A key that does not exist is refused; an empty environment variable counts as absent.
Sizes are bytes and times are milliseconds, as the names say.

In the file, a dot is a section: `pool.connections_max` is `connections_max` under `[pool]`. In the
environment it is `COURANT_POOL_CONNECTIONS_MAX`.
";

/// What the tables of the file mean, which is more than a line.
const TABLES: &str = "
## `[[route]]`

```toml
[[route]]
path = \"/conversations/{id}\"     # {name}: one segment; {name}.data: one that ends so; {*rest}, at the end: whatever is left
methods = [\"GET\"]                # all, if nothing is said; GET is for HEAD too
upstream = \"http://127.0.0.1:8000\" # or upstreams = [\"…\", \"…\"]; proxy.upstream, if nothing is said
timeout_ms = 5000                 # these five refine what proxy.* says for all
idle_timeout_ms = 60000
retries = 0
body_bytes_max = 1048576
cache = \"none\"                   # or \"http\"
ttl_ms = 1000                     # how long answers are kept that do not say, to requests without cookies

[[route]]
path = \"/messages/{conversation}\" # a route that declares what its answers read: the log keeps them current
upstream = \"http://127.0.0.1:8000\"
depends_on = [\"conversations.id = {path.conversation}\", \"messages.conversation_id = {path.conversation}\", \"bots\"]
identity = [\"header.authorization\"] # what separates users: header.x, cookie.x, jwt.x; []: nothing
cache = \"chat\"                    # a [[cache.named]], or \"general\"
ttl_ms = 60000                    # how long at most, though nothing changed
body_in_key = false               # true: POST is a read, told apart by its body
```

The most specific route wins, whatever the order: a segment that is spelt out before `{name}.data`, that
before `{name}`, that before `{*rest}`. Two routes for the same requests are refused. Under `/rest/v1` Courant's own API answers what no route
claims. What all of it means: [proxy.md](proxy.md).

## `[[cache.declare]]` and `[[cache.named]]`

```toml
[[cache.declare]]                          # what Courant cannot know
function = \"get_dashboard_metrics\"        # or view = \"…\"
depends_on = [\"calls\", \"leads\"]          # whose changes end its answers
ttl_ms = 5000                              # where time or anything else outside the database matters

[[cache.named]]                            # a part of the cache with a budget of its own
name = \"chat\"                            # a-z, 0-9, _ and -; `general` is the rest
relations = [\"messages\", \"conversations\"] # tables and views
functions = [\"unread\"]
memory_bytes_max = 33554432                # 1 MiB or more
ttl_ms = \"adaptive\"                       # or a number, or nothing: current for as long as nothing changes
ttl_min_ms = 1000                          # the default
ttl_max_ms = 600000                        # no default: how old an answer may ever become
```

Names without a schema mean the first of `database.schemas`. A relation or function belongs to one cache at most. A
name that the database does not have is told in the log at the start. What all of it means:
[caching.md](caching.md).

## `[[limit]]`

```toml
[[limit]]
name = \"search\"              # a-z, 0-9, _ and -: clients read it in `RateLimit`
rate = 30                     # in each window
window_ms = 60000             # the default
burst = 10                    # at once; the default is the rate
by = \"user\"                 # or address (the default), key (the apikey header), everyone
count = \"requests\"          # the default, or failures: answers with 401 or 403
methods = [\"GET\", \"POST\"]  # all, if nothing is said
path = \"/rpc/search*\"       # all, if nothing is said; * stands for anything
```

All that hold for a request are asked, in their order. What it means: [front-door.md](front-door.md).

## `[[queue]]`, `[[job]]` and `[[periodic]]`

```toml
[[queue]]
name = \"mail\"               # a-z, 0-9, _ and -; an app that names none enqueues in `default`
concurrency = 10              # jobs that run at once on this node
rate = 100                    # jobs that start in each window on this node; no limit, if nothing is said
window_ms = 1000
lease_ms = 30000              # how long a worker may be silent before its job is given to another
aging_ms = 30000              # how long a job waits for it to gain one step of priority
backoff_min_ms = 1000         # before the second attempt; doubled each time
backoff_max_ms = 3600000

[[queue]]
name = \"voice\"
workers = \"outside\"         # fetch over HTTP; or here, the default: what [[job]] names

[[job]]
kind = \"invoice\"
function = \"app.make_invoice\" # (args jsonb): completed in its own transaction
role = \"biller\"             # the login's own, if nothing is said
timeout_ms = 30000

[[job]]
kind = \"notify\"
url = \"http://127.0.0.1:8000/jobs/notify\" # is sent the job

[[periodic]]
name = \"nightly-report\"     # by which all nodes know it
cron = \"0 3 * * *\"
zone = \"Europe/Berlin\"      # UTC, if nothing is said
kind = \"report\"
queue = \"default\"
args = '{\"days\": 1}'
```

What all of it means: [queue.md](queue.md).

## `[[webhook]]`

<!-- elsewhere: it names the secrets of a deployment -->
```toml
[[webhook]]
path = \"/hooks/whatsapp\"
provider = \"whatsapp\"
secret = \"@/run/secrets/meta\" # of the file; \"$META_SECRET\": of the variable; [\"…\", \"…\"]: any of these
verify_token = \"$META_TOKEN\"
kind = \"whatsapp\"           # of the job; the provider's name, if nothing is said
queue = \"default\"
body_bytes_max = 1048576

[[webhook]]
path = \"/hooks/sms\"
provider = \"twilio\"
secret = \"$TWILIO_AUTH_TOKEN\"
public_url = \"https://example.com/hooks/sms\" # as Twilio calls it; else as the request says

[[webhook]]
path = \"/hooks/voice\"
provider = \"vapi\"           # the secret in a header; with algorithm: as for hmac
secret = \"$VAPI_SECRET\"
header = \"x-vapi-secret\"

[[webhook]]
path = \"/hooks/pay\"
provider = \"stripe\"
secret = \"$STRIPE_SECRET\"
tolerance_ms = 300000         # between the time that is signed and now

[[webhook]]
path = \"/hooks/other\"
provider = \"hmac\"
secret = \"$OTHER_SECRET\"
header = \"x-signature\"
algorithm = \"sha256\"        # or sha512, sha1
encoding = \"hex\"            # or base64
prefix = \"\"                 # of the signature
signs = \"timestamp.body\"    # or body, or id.timestamp.body
timestamp_header = \"x-timestamp\"
event_id = \"/id\"            # where the body names the event; else it is known by its hash
event_type = \"/type\"
```

What all of it means: [webhooks.md](webhooks.md).
";

/// The page, in Markdown.
pub(crate) fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut section = None;
    for key in Key::all() {
        let here = key.name.split_once('.').map_or("", |(section, _)| section);
        if section != Some(here) {
            let title = if here.is_empty() { "The process".to_owned() } else { format!("`[{here}]`") };
            section = Some(here);
            // Writing to a string cannot fail.
            let _ = write!(page, "\n## {title}\n\n| key | default | meaning |\n|---|---|---|\n");
        }
        let default = match key.default {
            Default::Text(text) => format!("`{text}`"),
            Default::ByEnvironment(development, production) => {
                format!("`{development}`, in production `{production}`")
            }
            Default::Unset(means) => means.to_owned(),
        };
        let also = match key.postgrest {
            [] => String::new(),
            names => format!(" Also `{}`.", names.join("`, `")),
        };
        let _ = writeln!(page, "| `{}` | {default} | {}{also} |", key.name, key.meaning);
    }
    page + TABLES
}
