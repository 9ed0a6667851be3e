//! The tables of which the stream can tell.

use pg::catalog::{Unpublishable, load};

use crate::fixture::{connect_as, database, shared};

#[tokio::test]
async fn every_ordinary_table_is_listed_with_whether_it_can_be_published() {
    let (client, name) = database(
        shared(),
        "create role tables_owner login;
             create schema hidden;
             create schema courant;
             create table courant.ours (id int primary key);
             create table good (id int primary key);
             alter table good owner to tables_owner;
             create table hidden.foreign_owner (id int primary key);
             create table no_key (id int not null);
             create unique index no_key_id on no_key (id);
             create unlogged table unlogged (id int primary key);
             create temp table gone (id int primary key);
             create table parted (id int primary key) partition by range (id);
             create table part partition of parted for values from (0) to (10);
             create view v as select 1;",
    )
    .await;
    let schemas = ["public".to_owned()];
    let mine = connect_as(shared(), "tables_owner", &name).await;
    let catalog = load(&mine, &schemas).await.unwrap();
    let listed = catalog.tables.iter().map(|t| (t.schema.as_str(), t.name.as_str(), t.publishable));
    assert_eq!(
        Vec::from_iter(listed),
        [
            ("hidden", "foreign_owner", Err(Unpublishable::NotOwner)),
            ("public", "good", Ok(())),
            ("public", "no_key", Err(Unpublishable::NoIdentity)),
            ("public", "part", Err(Unpublishable::NotOwner)),
            ("public", "unlogged", Err(Unpublishable::Unlogged)),
        ]
    );
    assert_eq!(catalog.tables[2].identity_candidate.as_deref(), Some("no_key_id"));
    let all = load(&client, &schemas).await.unwrap();
    assert_eq!(all.tables.iter().filter(|table| table.publishable.is_ok()).count(), 3);
}
