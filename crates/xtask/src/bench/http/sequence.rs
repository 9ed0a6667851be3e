//! The requests by which the hit ratio is measured: always the same ones in the same order.
//!
//! Few are asked for often and most seldom (Zipf, exponent 1), and what is read often is written often.

/// Rows of the benchmark's journal; see `sql/tables.sql`.
const POSTS: u64 = 4_000;
const AUTHORS: u64 = 200;
const CATEGORIES: u64 = 20;

/// A table of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    Posts,
    Authors,
}

/// What comes next.
pub(super) enum Step {
    Read(Read),
    Write(Write),
}

/// A read, each with the number of what it asks for.
pub(super) enum Read {
    Post(u64),
    PostsOf(u64),
    TopOfCategory(u64),
    AuthorWithPosts(u64),
}

/// A write from outside.
pub(super) enum Write {
    Retitle(u64, u64),
    Score(u64, u64),
    Publish(u64, u64),
    Rename(u64, u64),
}

impl Read {
    /// How it is asked for.
    pub(super) fn path(&self) -> String {
        match self {
            Read::Post(id) => format!("/posts?id=eq.{id}"),
            Read::PostsOf(author) => {
                format!("/posts?author_id=eq.{author}&select=id,title&order=id.desc&limit=20")
            }
            Read::TopOfCategory(category) => {
                format!("/posts?category=eq.{category}&select=id,title,score&order=score.desc,id&limit=10")
            }
            Read::AuthorWithPosts(author) => {
                format!("/authors?id=eq.{author}&select=id,name,posts(id,title)")
            }
        }
    }

    /// What it reads.
    pub(super) fn tables(&self) -> &'static [Table] {
        match self {
            Read::AuthorWithPosts(_) => &[Table::Authors, Table::Posts],
            Read::Post(_) | Read::PostsOf(_) | Read::TopOfCategory(_) => &[Table::Posts],
        }
    }
}

impl Write {
    /// The statement; its second number makes each write change something.
    pub(super) fn statement(&self) -> String {
        match self {
            Write::Retitle(id, number) => {
                format!("update posts set title = 'title {number}' where id = {id}")
            }
            Write::Score(id, number) => {
                format!("update posts set score = {} where id = {id}", number * 7919 % 1000)
            }
            Write::Publish(author, number) => format!(
                "insert into posts select max(id) + 1, {author}, {} , 'post {number}', {} from posts",
                number % CATEGORIES,
                number * 7907 % 1000
            ),
            Write::Rename(id, number) => format!("update authors set name = 'name {number}' where id = {id}"),
        }
    }

    /// What it changes.
    pub(super) fn table(&self) -> Table {
        match self {
            Write::Rename(..) => Table::Authors,
            Write::Retitle(..) | Write::Score(..) | Write::Publish(..) => Table::Posts,
        }
    }
}

/// The sequence.
pub(super) struct Sequence {
    state: u64,
    number: u64,
    writes_percent: u64,
}

impl Sequence {
    /// With so many writes among a hundred requests.
    pub(super) fn new(writes_percent: u64) -> Sequence {
        Sequence { state: 0x5EED, number: 0, writes_percent }
    }

    /// The next request.
    pub(super) fn next(&mut self) -> Step {
        self.number += 1;
        let number = self.number;
        let kind = self.below(100);
        if self.below(100) < self.writes_percent {
            return Step::Write(match kind {
                0..50 => Write::Retitle(self.zipf(POSTS), number),
                50..80 => Write::Score(self.zipf(POSTS), number),
                80..95 => Write::Publish(self.zipf(AUTHORS), number),
                _ => Write::Rename(self.zipf(AUTHORS), number),
            });
        }
        Step::Read(match kind {
            0..50 => Read::Post(self.zipf(POSTS)),
            50..70 => Read::PostsOf(self.zipf(AUTHORS)),
            70..85 => Read::TopOfCategory(self.zipf(CATEGORIES) - 1),
            _ => Read::AuthorWithPosts(self.zipf(AUTHORS)),
        })
    }

    /// From 1 to `n`, the first most often: the logarithm of such a rank is spread evenly.
    fn zipf(&mut self, n: u64) -> u64 {
        let even = self.below(1 << 32) as f64 / (1_u64 << 32) as f64;
        let rank = ((n + 1) as f64).powf(even) as u64;
        // The first in rank are not the first in the table.
        1 + rank.clamp(1, n) * 2_654_435_761 % n
    }

    /// SplitMix64, whose low bits are as good as its high ones.
    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_many_is_asked_for_far_more_often_than_the_last() {
        let mut sequence = Sequence::new(0);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..100_000 {
            let id = sequence.zipf(1_000);
            assert!((1..=1_000).contains(&id));
            *counts.entry(id).or_insert(0_u64) += 1;
        }
        let mut counts: Vec<u64> = counts.into_values().collect();
        counts.sort_unstable();
        assert!(counts.last() > Some(&8_000), "{:?}", counts.last());
        assert!(counts.len() > 900, "{}", counts.len());
    }

    #[test]
    fn the_sequence_is_always_the_same() {
        let paths = || {
            let mut sequence = Sequence::new(0);
            let step = move |_| match sequence.next() {
                Step::Read(read) => read.path(),
                Step::Write(write) => write.statement(),
            };
            (0..100).map(step).collect::<Vec<_>>()
        };
        assert_eq!(paths(), paths());
    }
}
