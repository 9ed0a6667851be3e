//! What can be typed: subcommands and flags, and which function does what they ask for.
//!
//! Flags that are also keys of the configuration are read there, with everything else that can set them.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use pg::cluster::ClusterError;

use crate::admin::client;
use crate::audit::command::{self as audit, Audit};
use crate::config::{Config, ConfigError, Sources, postgrest_page, reference};
use crate::doctor::{self, Doctor};
use crate::queue::command::{self as queue, Queue};
use crate::{app, demo, init, telemetry};

/// PostgreSQL over HTTP, in PostgREST's language, from a cache that is always current.
#[derive(Debug, Parser)]
#[command(name = "courant", version, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  courant demo                                  a private database, an example app, and what to try
  courant serve --database-url postgresql://app@localhost/app
  courant serve                                 a private database under ./.courant
  courant cache stats                           hits, misses and memory of a running courant")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a database.
    #[command(after_help = "\
Examples:
  courant serve --database-url postgresql://app@localhost/app
  PGHOST=localhost PGDATABASE=app courant serve --listen 0.0.0.0:3000
  courant serve --upstream http://127.0.0.1:8000
  courant serve --config courant.toml           every key: courant config reference
  courant serve postgrest.conf                  as PostgREST is started; its variables are understood too

Ctrl-C or SIGTERM: stop accepting, finish what is in flight, exit 0.")]
    Serve(Serve),
    /// Serve the example app from a private database, and say what to try.
    #[command(after_help = "\
Examples:
  courant demo                                  then follow the lines it prints
  courant demo --scale 20000                    a smaller one, in a moment
  courant demo --once                           take the tour itself, and exit 0 if all of it held")]
    Demo(Demo),
    /// Watch an app's traffic for a while, and propose the routes to declare.
    #[command(after_help = "\
Examples:
  courant init --upstream http://127.0.0.1:8000 --database-url postgresql://app@localhost/app
  courant init --upstream http://127.0.0.1:8000 --listen 127.0.0.1:3000 --for 30m
  courant init --upstream http://127.0.0.1:8000 --requests 1000 --output proposed.toml --json

Send the app's clients to --listen meanwhile: requests and answers pass through as they are, and nothing is kept. At
the end, or at Ctrl-C, the proposal is written: all of it commented out, with the evidence beside it. Tokens, cookies
and bodies are compared by digests and never written down.")]
    Init(Init),
    /// Examine any PostgreSQL database: a grade, what would help, and the proof.
    #[command(after_help = "\
Examples:
  courant doctor --database-url postgresql://app@localhost/app
  courant doctor --html report.html --sql fixes.sql
  courant doctor --json > report.json; courant doctor --fail-under B      for CI
  courant doctor apply                          apply the fixes, measure each, and keep what helps
  courant doctor undo                           take them back

Reads catalogs and statistics; runs none of the app's statements and takes no lock that anybody waits for.")]
    Doctor(Box<Doctor>),
    /// Look into the cache of a running courant, or empty it.
    Cache {
        #[command(subcommand)]
        command: Cache,
    },
    /// Keep an address or a network out of a running courant, or list who is.
    #[command(after_help = "\
Examples:
  courant block 203.0.113.7 --for 1h --reason 'guesses passwords'
  courant block 2001:db8::/32
  courant block --list

Lasts as long as the process runs; block.deny in the configuration lasts longer.")]
    Block(Block),
    /// Let an address or a network in again.
    Unblock {
        /// As it was blocked.
        #[arg(value_name = "ADDRESS|NETWORK")]
        network: String,
        #[command(flatten)]
        admin: Admin,
    },
    /// Read and verify the audit log in the database (audit.enabled).
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// Look at the jobs of a running courant's queues, and do something about them.
    Queue {
        #[command(subcommand)]
        command: Queue,
    },
    /// Remove every trace of Courant from a database: publication, triggers, schema, the audit log and its role.
    #[command(after_help = "\
Example:
  courant uninstall --database-url postgresql://postgres@localhost/app")]
    Uninstall(Uninstall),
    /// Tell about the configuration.
    #[command(name = "config")]
    Configuration {
        #[command(subcommand)]
        command: Configuration,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// PostgREST's configuration file (key = value), if one is there to be taken over.
    #[arg(value_name = "POSTGREST_FILE")]
    postgrest: Option<PathBuf>,
    /// The database, as a URI or key=value pairs (else PGHOST and its kin, else a private one).
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// A backend to stand in front of (http://127.0.0.1:8000); Courant's own API stays under /rest/v1.
    #[arg(long, alias = "proxy-upstream", value_name = "URL")]
    upstream: Option<String>,
    #[command(flatten)]
    listeners: Listeners,
    /// The configuration file (else courant.toml, if there is one).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Listeners {
    /// Where to answer requests [default: 127.0.0.1:3000].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where to answer /live, /ready, /metrics and the admin API [default: 127.0.0.1:3001].
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// human or json [default: human on a terminal, else json].
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

#[derive(Debug, Args)]
struct Demo {
    /// How many calls the example has; everything else grows with them.
    #[arg(long, value_name = "CALLS", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    scale: u64,
    /// Take the tour (a miss, a hit, an update from outside, a fresh answer), print it, and exit.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    listeners: Listeners,
}

#[derive(Debug, Args)]
struct Init {
    /// The app to stand in front of (http://127.0.0.1:8000).
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// Where to answer requests meanwhile [default: 127.0.0.1:3000].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// How long: 90s, 5m, 1h.
    #[arg(long = "for", value_name = "TIME", value_parser = span, default_value = "5m")]
    time: Duration,
    /// End after so many requests, if that is sooner (100000 at most).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: Option<u32>,
    /// The app's database, to learn which tables a route reads (else DATABASE_URL, or PGHOST and its kin).
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Where to write the proposal: a file that is not there yet, or - for standard output.
    #[arg(long, value_name = "FILE", default_value = "courant.toml")]
    output: PathBuf,
    /// Print everything that was learnt as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Cache {
    /// Hits, misses, bypasses, entries, memory, of each named cache too.
    Stats {
        #[command(flatten)]
        admin: Admin,
        /// Print the admin API's JSON as it is.
        #[arg(long)]
        json: bool,
    },
    /// Drop all entries, or those whose request path matches a pattern.
    #[command(after_help = "\
Examples:
  courant cache clear
  courant cache clear --pattern '/leads*'
  courant cache clear --tag post-17
  courant cache clear --cache chat")]
    Clear {
        #[command(flatten)]
        admin: Admin,
        /// Which: a path, where * stands for anything.
        #[arg(long)]
        pattern: Option<String>,
        /// With a tag that the app gave them: Surrogate-Key or Cache-Tag.
        #[arg(long)]
        tag: Option<String>,
        /// Of which cache: a name from [[cache.named]], or general [default: of all].
        #[arg(long, value_name = "NAME")]
        cache: Option<String>,
        /// Print the admin API's JSON as it is.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Block {
    /// Whom to keep out.
    #[arg(value_name = "ADDRESS|NETWORK", required_unless_present = "list", conflicts_with = "list")]
    network: Option<String>,
    /// For how long: 90s, 10m, 1h, 7d [default: as long as courant runs].
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    time: Option<Duration>,
    /// Why, for whoever reads the list.
    #[arg(long)]
    reason: Option<String>,
    /// List who is kept out.
    #[arg(long)]
    list: bool,
    /// Print the list as JSON.
    #[arg(long, requires = "list")]
    json: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Debug, Args)]
pub(crate) struct Admin {
    /// The admin address of the running courant.
    #[arg(long = "admin", value_name = "URL", default_value = "http://127.0.0.1:3001")]
    pub(crate) url: String,
}

#[derive(Debug, Args)]
struct Uninstall {
    /// The database, as a URI or key=value pairs (else what the configuration says).
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The configuration file (else courant.toml, if there is one).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Configuration {
    /// Read a configuration as `serve` would, and say what is wrong with it; asks no database.
    #[command(after_help = "\
Examples:
  courant config check                          courant.toml, and the environment
  courant config check staging.toml             exit code 2 where it would not start")]
    Check {
        /// The file [default: courant.toml, if there is one].
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print the reference of every key, in Markdown.
    Reference,
    /// Print the reference of every metric, in Markdown.
    Metrics,
    /// Print a dashboard of the metrics, for Grafana to import.
    Dashboard,
    /// Print the page on moving from PostgREST, in Markdown.
    Postgrest,
}

/// What clap had to say about the arguments, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Does what the arguments ask for.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<()> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error),
    };
    match cli.command {
        Command::Serve(Serve { postgrest, database_url, upstream, listeners, config }) => {
            let mut flags = listeners.flags();
            flags.extend(upstream.map(|url| ("proxy.upstream", url)));
            flags.extend(database_url.map(|url| ("database.url", url)));
            let sources = Sources::of_process(config, flags, std::io::stderr().is_terminal())?;
            wait_for(app::serve(Config::read(&sources.with_postgrest(postgrest)?)?))
        }
        Command::Demo(Demo { scale, once, listeners }) => {
            let mut flags = listeners.flags();
            // The tour tells of each request itself.
            flags.extend(once.then(|| ("log.level", "warn".to_owned())));
            wait_for(demo::run(demo_config(flags)?, scale, once))
        }
        Command::Init(asked) => {
            let config = init_config(&asked)?;
            wait_for(init::run(config, asked.into()))
        }
        Command::Doctor(asked) => wait_for(doctor::run(*asked)),
        Command::Cache { command: Cache::Stats { admin, json } } => wait_for(client::stats(&admin.url, json)),
        Command::Cache { command: Cache::Clear { admin, pattern, tag, cache, json } } => {
            let which = client::Which { pattern, tag, cache };
            wait_for(client::clear(&admin.url, &which, json))
        }
        Command::Block(Block { network: Some(network), time, reason, admin, .. }) => {
            wait_for(client::block(&admin.url, &network, time, reason.as_deref()))
        }
        Command::Block(Block { network: None, json, admin, .. }) => {
            wait_for(client::blocks(&admin.url, json))
        }
        Command::Unblock { network, admin } => wait_for(client::unblock(&admin.url, &network)),
        Command::Audit { command } => wait_for(audit::run(command)),
        Command::Queue { command } => wait_for(queue::run(command)),
        Command::Uninstall(Uninstall { database_url, config }) => {
            let flags = database_url.map(|url| ("database.url", url)).into_iter().collect();
            wait_for(app::uninstall(read(config, flags)?))
        }
        Command::Configuration { command } => {
            let text = match command {
                Configuration::Check { file } => checked(file)?,
                Configuration::Reference => reference(),
                Configuration::Metrics => telemetry::reference(),
                Configuration::Dashboard => telemetry::dashboard()?,
                Configuration::Postgrest => postgrest_page(),
            };
            // A reader that closes the pipe early has read enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(())
        }
    }
}

/// 2 where the user must change something, 1 where something failed.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let users = error
        .chain()
        .any(|cause| cause.is::<ConfigError>() || cause.is::<UsageError>() || cause.is::<ClusterError>());
    if users { 2 } else { 1 }
}

/// An error and its causes in a line; a cause that the error has told in its own words is not told twice.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let separator = if told.is_empty() { "" } else { ": " };
            told = format!("{told}{separator}{cause}");
        }
    }
    told.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// A time in words: a number and its unit.
pub(crate) fn span(text: &str) -> Result<Duration, &'static str> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let unit = UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)));
    let seconds = unit.and_then(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(*seconds));
    let seconds = seconds.filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or("expected a number and s, m, h or d, like 1h")
}

impl Listeners {
    fn flags(self) -> Vec<(&'static str, String)> {
        let all =
            [("listen", self.listen), ("admin_listen", self.admin_listen), ("log.format", self.log_format)];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// The configuration of this process.
pub(crate) fn read(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Result<Config, ConfigError> {
    Config::read(&Sources::of_process(file, flags, std::io::stderr().is_terminal())?)
}

/// What `serve` would have to say of this configuration, a line each, if it would start with it.
fn checked(file: Option<PathBuf>) -> Result<String, ConfigError> {
    let sources = Sources::of_process(file, Vec::new(), std::io::stderr().is_terminal())?;
    let name = sources.file.as_ref().map_or("the environment", |(name, _)| name).to_owned();
    let warnings = Config::read(&sources)?.warnings;
    let warnings = warnings.iter().map(|warning| format!("warning: {warning}\n"));
    Ok(warnings.chain([format!("{name}: good\n")]).collect())
}

/// The demo reads the example's own file and flags: what is configured here is somebody's real database, and
/// the demo fills the one it gets.
fn demo_config(flags: Vec<(&'static str, String)>) -> Result<Config, ConfigError> {
    let file = Some(("the example's courant.toml".to_owned(), field_service::CONFIGURATION.to_owned()));
    let terminal = std::io::stderr().is_terminal();
    Config::read(&Sources { file, flags, terminal, ..Sources::default() })
}

/// The watch reads no file: it is about to write one.
fn init_config(asked: &Init) -> Result<Config, ConfigError> {
    let mut flags: Vec<_> = init::FLAGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    flags.push(("proxy.upstream", asked.upstream.clone()));
    flags.extend(asked.listen.clone().map(|address| ("listen", address)));
    flags.extend(asked.database_url.clone().map(|url| ("database.url", url)));
    Config::read(&Sources::without_file(flags, std::io::stderr().is_terminal()))
}

impl From<Init> for init::Asked {
    fn from(asked: Init) -> init::Asked {
        let Init { upstream, listen, time, requests, output, json, .. } = asked;
        // A u32 fits.
        let requests = requests.map(|requests| requests as usize);
        init::Asked { upstream, listen, time, requests, output, json }
    }
}

fn wait_for(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Help and version are no errors; an error is cut to its first line, in the form of all others.
fn not_parsed(error: &clap::Error) -> anyhow::Result<()> {
    if !error.use_stderr() {
        // As above: nobody left to read it.
        let _ = error.print();
        return Ok(());
    }
    let text = error.render().to_string();
    if let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("error: ")) {
        return Err(UsageError(format!("{line} (try --help)")).into());
    }
    // `courant` alone: the whole help, and then the line.
    let _ = error.print();
    Err(UsageError("a command is missing".to_owned()).into())
}
