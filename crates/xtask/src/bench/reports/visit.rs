//! A visit to a page: its steps sent one after another, as the app's own code sends them.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use hyper::Request;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::time::sleep;

use super::draws::{Draws, Who};
use super::link::{Answer, Link};
use super::script::{Ask, Page, Step};

/// One request of a visit, and its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Who asked for what.
    pub(super) question: u64,
    /// What the answer was.
    pub(super) answer: u64,
    pub(super) is_write: bool,
    pub(super) is_hit: bool,
    /// The database gave up at its time limit.
    pub(super) is_given_up: bool,
    pub(super) wire_bytes: usize,
    pub(super) took: Duration,
}

/// A whole visit.
#[derive(Clone, Debug)]
pub(super) struct Visited {
    pub(super) took: Duration,
    pub(super) asked: Vec<Asked>,
}

impl Visited {
    /// Counts as long as its slowest request.
    pub(super) fn take_slowest(&mut self) {
        self.took = self.asked.iter().map(|asked| asked.took).max().unwrap_or(self.took);
    }
}

/// Somebody on a page.
pub(super) struct Visit<'a> {
    link: &'a Link,
    draws: &'a Draws,
    who: Who<'a>,
    dice: &'a mut StdRng,
    /// What loops have bound, and what was drawn for this visit.
    bound: HashMap<String, String>,
    answers: HashMap<String, Value>,
    /// The answers that later steps look into.
    looked_into: HashSet<&'a str>,
    asked: Vec<Asked>,
    /// When what is being waited for was sent.
    waits_since: Option<Instant>,
}

/// Visits a page.
pub(super) async fn visit(link: &Link, draws: &Draws, page: &Page, dice: &mut StdRng) -> Result<Visited> {
    let mut visit = Visit::new(link, draws, page, dice);
    let began = Instant::now();
    visit.go(page).await?;
    Ok(Visited { took: began.elapsed(), asked: visit.asked })
}

impl<'a> Visit<'a> {
    /// Somebody who is about to visit the page.
    pub(super) fn new(link: &'a Link, draws: &'a Draws, page: &'a Page, dice: &'a mut StdRng) -> Visit<'a> {
        let who = draws.who(page.visitor, dice);
        let mut looked_into = HashSet::new();
        looks_into(&page.steps, &mut looked_into);
        let (bound, answers, asked) = (HashMap::new(), HashMap::new(), Vec::new());
        Visit { link, draws, who, dice, bound, answers, looked_into, asked, waits_since: None }
    }

    /// Goes through the page's steps.
    pub(super) async fn go(&mut self, page: &Page) -> Result<()> {
        self.follow(&page.steps).await.with_context(|| format!("the page {}", page.name))
    }

    /// What has been asked and answered.
    pub(super) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// When what is not answered yet was sent.
    pub(super) fn waits_for(&self) -> Option<Instant> {
        self.waits_since
    }

    /// Steps hold steps.
    fn follow<'s>(&'s mut self, steps: &'s [Step]) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 's>> {
        Box::pin(async move {
            for step in steps {
                match step {
                    Step::Ask(ask) => self.ask(std::slice::from_ref(ask)).await?,
                    Step::Together { parallel } => self.ask(parallel).await?,
                    Step::Repeat { repeat, steps } => {
                        for _ in 0..*repeat {
                            self.bound.clear();
                            self.follow(steps).await?;
                        }
                    }
                    Step::Each { each, steps } => {
                        let rows = self.answers.get(&each.row_of).and_then(Value::as_array).cloned();
                        for row in rows.unwrap_or_default() {
                            let value = match &row[&each.column] {
                                Value::String(text) => text.clone(),
                                other => other.to_string(),
                            };
                            self.bound.insert(each.name.clone(), value);
                            self.follow(steps).await?;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    /// Sends requests at once, and waits for all.
    async fn ask(&mut self, asks: &[Ask]) -> Result<()> {
        let mut sent = Vec::with_capacity(asks.len());
        for ask in asks {
            let path = self.filled(&ask.path, true)?;
            let body = match (&ask.body, ask.rows) {
                (None, _) => Bytes::new(),
                (Some(body), None) => self.body(body)?.to_string().into(),
                (Some(body), Some(rows)) => {
                    let mut all = Vec::new();
                    for _ in 0..rows {
                        self.bound.clear();
                        all.push(self.body(body)?);
                    }
                    Value::Array(all).to_string().into()
                }
            };
            let mut request = Request::builder().method(ask.method.as_str()).uri(&path);
            request = request.header("accept-encoding", "gzip");
            if let Some(token) = self.who.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            if ask.body.is_some() {
                request = request.header("content-type", "application/json");
            }
            for (name, value) in &ask.headers {
                request = request.header(name, self.filled(value, false)?);
            }
            let question = hash(&(self.who.token, &ask.method, &path, &ask.headers, &body));
            sent.push((ask, request, body, question));
        }
        let link = self.link;
        self.waits_since = Some(Instant::now());
        let answered = try_join_all(sent.into_iter().map(async |(ask, request, body, question)| {
            if ask.after_ms > 0 {
                sleep(Duration::from_millis(ask.after_ms)).await;
            }
            let answer = link.ask(request, body).await?;
            // 416: a list ends before the page that was asked for.
            let is_expected = matches!(answer.status, 200..300 | 416) || is_given_up(&answer);
            let said = || String::from_utf8_lossy(&answer.body).into_owned();
            ensure!(is_expected, "{} answered {}: {}", ask.path, answer.status, said());
            anyhow::Ok((ask, question, answer))
        }))
        .await?;
        self.waits_since = None;
        for (ask, question, answer) in answered {
            self.asked.push(Asked {
                question,
                answer: hash(&answer.body),
                is_write: ask.method != "GET" && !ask.path.starts_with("/rpc/"),
                is_hit: answer.is_hit,
                is_given_up: is_given_up(&answer),
                wire_bytes: answer.wire_bytes,
                took: answer.took,
            });
            if self.looked_into.contains(ask.name.as_str()) {
                let rows = serde_json::from_slice(&answer.body).context("not JSON")?;
                self.answers.insert(ask.name.clone(), rows);
            }
        }
        Ok(())
    }

    /// A text with its placeholders filled in.
    fn filled(&mut self, text: &str, is_path: bool) -> Result<String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, behind) = behind.split_once('}').context("a placeholder without an end")?;
            filled.push_str(before);
            let value = self.value(name)?;
            if is_path {
                filled.extend(percent_encoding::utf8_percent_encode(
                    &value,
                    percent_encoding::NON_ALPHANUMERIC,
                ));
            } else {
                filled.push_str(&value);
            }
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// A body with its placeholders filled in.
    fn body(&mut self, body: &Value) -> Result<Value> {
        Ok(match body {
            Value::String(text) => Value::String(self.filled(text, false)?),
            Value::Array(items) => items.iter().map(|item| self.body(item)).collect::<Result<_>>()?,
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), self.body(member)?)))
                    .collect::<Result<_>>()?,
            ),
            other => other.clone(),
        })
    }

    fn value(&mut self, name: &str) -> Result<String> {
        if let Some(value) = self.bound.get(name) {
            return Ok(value.clone());
        }
        let value = self.draws.draw(name, self.who, self.dice)?;
        self.bound.insert(name.to_owned(), value.clone());
        Ok(value)
    }
}

/// The names of the answers whose rows make further requests.
fn looks_into<'p>(steps: &'p [Step], names: &mut HashSet<&'p str>) {
    for step in steps {
        match step {
            Step::Each { each, steps } => {
                names.insert(&each.row_of);
                looks_into(steps, names);
            }
            Step::Repeat { steps, .. } => looks_into(steps, names),
            Step::Ask(_) | Step::Together { .. } => {}
        }
    }
}

/// The statement was cancelled at its time limit.
fn is_given_up(answer: &Answer) -> bool {
    answer.status >= 500 && String::from_utf8_lossy(&answer.body).contains("57014")
}

fn hash(of: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
