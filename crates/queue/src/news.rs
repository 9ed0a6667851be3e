//! What the log tells of jobs, one logical message each. Pure.

use crate::schema::MESSAGE_PREFIX;

/// A message of the queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// A job became available, or several of which this is the first.
    Available {
        /// Its queue.
        queue: &'a str,
        /// Its priority.
        priority: usize,
        /// Its place.
        seq: i64,
    },
    /// Somebody wants a job cancelled that runs.
    Cancel(i64),
}

impl<'a> News<'a> {
    /// Reads a logical message; none where it is not the queue's, or of a later version's making.
    pub fn read(message: &'a pg::Message) -> Option<News<'a>> {
        if message.prefix != MESSAGE_PREFIX {
            return None;
        }
        let mut words = std::str::from_utf8(&message.content).ok()?.split(' ');
        match words.next()? {
            "job" => Some(News::Available {
                queue: words.next()?,
                priority: words.next()?.parse().ok()?,
                seq: words.next()?.parse().ok()?,
            }),
            "cancel" => Some(News::Cancel(words.next()?.parse().ok()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_and_what_is_none_is_passed_over() {
        let message = |prefix: &str, content: &'static str| pg::Message {
            prefix: prefix.to_owned(),
            content: content.into(),
        };
        let job = message("courant.queue", "job mail 5 77");
        assert_eq!(News::read(&job), Some(News::Available { queue: "mail", priority: 5, seq: 77 }));
        assert_eq!(News::read(&message("courant.queue", "cancel 9")), Some(News::Cancel(9)));
        for wrong in ["", "job", "job mail x 1", "cancel", "later 1"] {
            assert_eq!(News::read(&message("courant.queue", wrong)), None);
        }
        assert_eq!(News::read(&message("courant", "cancel 9")), None);
    }
}
