//! What readers ask, in every shape: Courant's own API, and the routes of the backend behind it.
//!
//! Every question is totally ordered, so that equal snapshots give equal bytes.

mod shown;

use std::collections::HashSet;

use http::Method;

use crate::client::Person;
use crate::dice::{Dice, GROUPS, KEYS, LABELS, PEOPLE, WEARING};
pub(crate) use shown::Shown;

/// The shapes of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Point,
    OfGroup,
    Top,
    TopOfGroup,
    Page,
    Counted,
    CountedHead,
    GroupWithItems,
    ItemsWithGroup,
    ItemWithLabels,
    ItemsOfLabel,
    Either,
    Called,
    Doc,
    DocsOfGroup,
    Scratch,
    Group,
    Ranked,
    Desks,
    /// What the backend is asked.
    Backend(Route),
}

/// The backend's routes, as its `routes.toml` declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Item,
    Group,
    Top,
    Label,
    Room,
    Visits,
    Search,
    Mine,
    Memberships,
}

/// Every shape; those that are asked most, more than once.
const SHAPES: [Shape; 36] = [
    Shape::Point,
    Shape::Point,
    Shape::Point,
    Shape::Group,
    Shape::OfGroup,
    Shape::Top,
    Shape::TopOfGroup,
    Shape::Page,
    Shape::Counted,
    Shape::CountedHead,
    Shape::GroupWithItems,
    Shape::ItemsWithGroup,
    Shape::ItemWithLabels,
    Shape::ItemsOfLabel,
    Shape::Either,
    Shape::Called,
    Shape::Doc,
    Shape::Doc,
    Shape::DocsOfGroup,
    Shape::Scratch,
    Shape::Ranked,
    Shape::Desks,
    Shape::Backend(Route::Item),
    Shape::Backend(Route::Item),
    Shape::Backend(Route::Item),
    Shape::Backend(Route::Group),
    Shape::Backend(Route::Top),
    Shape::Backend(Route::Label),
    Shape::Backend(Route::Room),
    Shape::Backend(Route::Visits),
    Shape::Backend(Route::Search),
    Shape::Backend(Route::Mine),
    Shape::Backend(Route::Mine),
    Shape::Backend(Route::Memberships),
    Shape::Backend(Route::Memberships),
    Shape::Backend(Route::Memberships),
];

/// One question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) shape: Shape,
    key: i64,
    group: i64,
    label: i64,
    /// Who asks, where it matters.
    pub(crate) person: i64,
}

impl Question {
    pub(crate) fn draw(dice: &mut Dice) -> Question {
        let shape = SHAPES[dice.roll(SHAPES.len() as u64) as usize];
        let (key, group, label) = (dice.key(), dice.below(GROUPS), dice.below(LABELS));
        Question { shape, key, group, label, person: dice.below(PEOPLE) }
    }

    /// Those that show an item: alone and among its group, at Courant's own API and at the backend.
    pub(crate) fn about(key: i64) -> [Question; 4] {
        let group = key % GROUPS;
        [Shape::Point, Shape::Called, Shape::Backend(Route::Item), Shape::Backend(Route::Group)]
            .map(|shape| Question { shape, key, group, label: 0, person: 0 })
    }

    /// Every question there is, each once.
    pub(crate) fn all() -> Vec<Question> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        for shape in SHAPES {
            for number in 0..KEYS * PEOPLE {
                let (key, person) = (number % KEYS, number / KEYS);
                let question = Question { shape, key, group: key % GROUPS, label: key % LABELS, person };
                let who = question.personal().then_some(person);
                if seen.insert((question.target(), question.body(), question.method(), who)) {
                    all.push(question);
                }
            }
        }
        all
    }

    pub(crate) fn target(&self) -> String {
        let Question { shape, key, group, label, .. } = self;
        let columns = "select=id,version";
        let asked = match shape {
            Shape::Backend(route) => return self.route(*route),
            Shape::Point => format!("/items?id=eq.{key}&{columns}"),
            Shape::OfGroup => format!("/items?group_id=eq.{group}&{columns}&order=id"),
            Shape::Top => format!("/items?{columns}&order=rank.desc,id&limit=5"),
            Shape::TopOfGroup => format!("/items?group_id=eq.{group}&{columns}&order=rank,id&limit=3"),
            Shape::Page => format!("/items?{columns}&order=id&limit=5&offset={}", 5 * group),
            Shape::Counted | Shape::CountedHead => {
                format!("/visits?group_id=eq.{group}&select=id&order=id&limit=2")
            }
            Shape::GroupWithItems => {
                format!("/groups?id=eq.{group}&{columns},items(id,version)&items.order=id")
            }
            Shape::ItemsWithGroup => {
                format!("/items?group_id=eq.{group}&{columns},groups(id,version)&order=id")
            }
            Shape::ItemWithLabels => {
                let item = key % WEARING;
                format!("/items?id=eq.{item}&{columns},labels(id,version)&labels.order=id")
            }
            Shape::ItemsOfLabel => {
                format!("/items?{columns},labels!inner(id,version)&labels.id=eq.{label}&order=id")
            }
            Shape::Either => format!("/items?or=(id.eq.{key},group_id.eq.{group})&{columns}&order=id"),
            Shape::Called => format!("/rpc/items_of?g={group}&{columns}&order=id"),
            Shape::Doc => format!("/docs?id=eq.{key}&{columns}"),
            Shape::DocsOfGroup => format!("/docs?group_id=eq.{group}&{columns}&order=id"),
            Shape::Scratch => format!("/scratch?id=eq.{}&{columns}", key % 10),
            Shape::Ranked => format!("/items?rank=gte.{}&{columns}&order=id", 10 * group),
            Shape::Group => format!("/groups?id=eq.{group}&{columns}"),
            Shape::Desks => format!("/desks?room=eq.{}&select=id&order=id", self.room()),
        };
        format!("/rest/v1{asked}")
    }

    fn route(&self, route: Route) -> String {
        let Question { key, group, label, .. } = self;
        match route {
            Route::Item => format!("/app/items/{key}"),
            Route::Group => format!("/app/groups/{group}"),
            Route::Top => "/app/top".to_owned(),
            Route::Label => format!("/app/labels/{label}"),
            Route::Room => format!("/app/rooms/{}", self.room()),
            Route::Visits => format!("/app/visits/{group}"),
            Route::Search => "/app/search".to_owned(),
            Route::Mine => format!("/app/mine/{group}"),
            Route::Memberships => "/app/memberships".to_owned(),
        }
    }

    fn room(&self) -> i64 {
        self.key % 2
    }

    pub(crate) fn method(&self) -> Method {
        match self.shape {
            Shape::CountedHead => Method::HEAD,
            Shape::Backend(Route::Search) => Method::POST,
            _ => Method::GET,
        }
    }

    /// The request's body; mostly there is none.
    pub(crate) fn body(&self) -> String {
        match self.shape {
            Shape::Backend(Route::Search) => format!("[{}, {}]", self.key, self.group),
            _ => String::new(),
        }
    }

    /// What the request says beside its target.
    pub(crate) fn headers<'a>(&self, people: &'a [Person]) -> Vec<(&'static str, &'a str)> {
        let person = &people[self.person as usize];
        match self.shape {
            Shape::Backend(Route::Memberships) => vec![("x-person", &person.name)],
            _ if self.personal() => vec![("authorization", &person.bearer)],
            _ if self.counts() => vec![("prefer", "count=exact")],
            _ => Vec::new(),
        }
    }

    /// Whether it asks for the number of rows.
    fn counts(&self) -> bool {
        matches!(self.shape, Shape::Counted | Shape::CountedHead)
    }

    /// Whether the answer depends on who asks.
    pub(crate) fn personal(&self) -> bool {
        use Shape::{Backend, Doc, DocsOfGroup};
        matches!(self.shape, Doc | DocsOfGroup | Backend(Route::Mine | Route::Memberships))
    }

    /// Whether it is the backend that answers.
    pub(crate) fn is_for_backend(&self) -> bool {
        matches!(self.shape, Shape::Backend(_))
    }
}
