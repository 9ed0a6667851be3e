use super::*;
use crate::config::Sources;
use crate::init::findings::Place;
use crate::init::reads::Doing;

fn proposal(advice: Advice) -> Proposal {
    Proposal {
        place: Place { pattern: "/conversations/{conversation_id}".to_owned(), method: "GET".to_owned() },
        finding: Finding { requests: 3, ..Finding::default() },
        doing: Doing::default(),
        advice,
        notes: vec!["look at the code".to_owned()],
    }
}

fn written(proposals: &[Proposal]) -> String {
    let (lacks, unclaimed) = (["something".to_owned()], ["public.jobs".to_owned()]);
    text(&Outcome {
        upstream: "http://127.0.0.1:8000",
        listen: Some("127.0.0.1:3000"),
        took: Duration::from_secs(60),
        requests: 3,
        untold: 1,
        source: Some("pg_stat_statements"),
        lacks: &lacks,
        unclaimed: &unclaimed,
        proposals,
    })
}

#[test]
fn all_of_it_is_commented_out_and_makes_a_configuration_without_the_signs() {
    let declaration = Declaration {
        depends_on: vec!["conversations".to_owned(), "crm.messages".to_owned()],
        by_rows: Some(vec![
            "conversations.id = {path.conversation_id}".to_owned(),
            "crm.messages".to_owned(),
        ]),
        identity: Some(vec!["cookie.sid".to_owned()]),
        body_in_key: false,
    };
    let text = written(&[
        proposal(Advice::Declare(declaration)),
        proposal(Advice::Nothing("it changes something".to_owned())),
    ]);
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
    let bare = |line: &str| {
        line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or_default().to_owned()
    };
    let decided: Vec<String> = text.lines().map(bare).filter(|line| !line.is_empty()).collect();
    let expected = [
        "listen = \"127.0.0.1:3000\"",
        "[proxy]",
        "upstream = \"http://127.0.0.1:8000\"",
        "[[route]]",
        "path = \"/conversations/{conversation_id}\"",
        "methods = [\"GET\"]",
        "depends_on = [\"conversations\", \"crm.messages\"]",
        "identity = [\"cookie.sid\"]",
    ];
    assert_eq!(decided, expected);
    let read = |text: String| {
        let file = Some(("courant.toml".to_owned(), text));
        crate::config::Config::read(&Sources { file, ..Sources::default() })
            .map(|config| config.proxy.routes.iter().count())
    };
    assert_eq!(read(decided.join("\n")).ok(), Some(1));
    assert_eq!(read(text).ok(), Some(0));
}

#[test]
fn a_route_whose_tables_are_not_known_declares_none() {
    let text = written(&[proposal(Advice::Open(Declaration::default()))]);
    assert!(
        !text.contains("#depends_on") && text.contains("# depends_on = [\"the tables it reads\"]"),
        "{text}"
    );
}
