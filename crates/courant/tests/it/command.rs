//! What is typed, and what comes back: exit codes and the one line on standard error.

use std::process::{Command, Output};

#[test]
fn help_is_no_error_and_has_examples() {
    let audit = ["verify", "tail", "prune", "install"].map(|command| ["audit", command, "--help"]);
    let others = [&["--help"][..], &["serve", "--help"], &["demo", "--help"], &["cache", "clear", "--help"]];
    for arguments in audit.iter().map(|arguments| &arguments[..]).chain(others) {
        let output = courant(arguments, &[]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains("Example"), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_is_exit_code_2_and_one_line_that_says_what_to_change() {
    let cases: [(&[&str], &str); 6] = [
        (&["serve", "--lisen", "1"], "courant: unexpected argument '--lisen' found"),
        (&["swim"], "courant: unrecognized subcommand 'swim'"),
        (&["serve", "--listen", "nowhere"], "courant: listen (--listen): expected an address and a port"),
        (&["serve", "--config", "missing.toml"], "courant: cannot read missing.toml: "),
        (&["serve", "--database-url", "wrong"], "courant: database.url (--database-url): expected a URI"),
        (&["demo", "--scale", "none"], "courant: invalid value 'none' for '--scale <CALLS>'"),
    ];
    for (arguments, expected) in cases {
        refused(&courant(arguments, &[]), expected);
    }
    refused(
        &courant(&["serve"], &[("PGRST_DB_POOL", "x")]),
        "courant: pool.connections_max (environment PGRST_DB_POOL)",
    );
}

#[test]
fn the_command_alone_shows_its_help_and_fails() {
    let output = courant(&[], &[]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("Usage: courant"), "{errors}");
}

#[test]
fn the_reference_is_printed() {
    let output = courant(&["config", "reference"], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("| `pool.connections_max` |"));
}

#[test]
fn a_configuration_is_checked_without_a_database() {
    let file = std::env::temp_dir().join(format!("courant-check-{}.toml", std::process::id()));
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        courant(
            &["config", "check", file.to_str().unwrap()],
            &[("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x")],
        )
    };
    let good = check("[pool]\nconnections_max = 3\n");
    assert_eq!(good.status.code(), Some(0));
    assert!(String::from_utf8(good.stdout).unwrap().ends_with(": good\n"));
    refused(&check("[pool]\nconections_max = 3\n"), "courant: ");
    std::fs::remove_file(&file).unwrap();
}

fn refused(output: &Output, expected: &str) {
    let errors = std::str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.starts_with(expected), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

/// Runs the command in an empty environment, where there is no configuration file.
fn courant(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command.current_dir(std::env::temp_dir()).output().unwrap()
}
