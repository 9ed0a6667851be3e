//! The files of the shadow's relations: sparse, of the source's sizes, with the few pages that a planner reads.
//!
//! Of a b-tree it reads the first page for the height of the tree, and, where a constant lies outside a histogram,
//! it looks for the largest or smallest entry: it finds a leaf without any.

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use super::planner::{ShadowTable, Tables};
use crate::AdviceError;
use crate::session::Session;
use crate::size::{SizeModel, height};
use crate::source::{Relation, Source};

/// Pages in one file of a relation; the rest is in the next.
const SEGMENT_PAGES: u64 = 131_072;
/// Bytes in a page. The shadow refuses servers with others.
const PAGE_BYTES: u64 = 8192;
/// No b-tree is higher.
const HEIGHT_MAX: u32 = 16;
/// Above the numbers that a new cluster gives to files itself.
const FIRST_SPARSE: u32 = 3_000_000_000;

/// Gives every relation the source's size, in `pg_class` and on disk.
pub(super) async fn sizes(
    session: &mut Session,
    data: &Path,
    source: &Source,
) -> Result<Tables, AdviceError> {
    let wanted: HashMap<(&str, &str), &Relation> = source
        .relations
        .iter()
        .map(|relation| ((relation.schema.as_str(), relation.name.as_str()), relation))
        .collect();
    let mut tables = HashMap::new();
    let mut commands = String::new();
    let mut sparse = FIRST_SPARSE;
    for row in session.rows("look for files", include_str!("files.sql")).await? {
        let Some(like) = wanted.get(&(row.text(0), row.text(1))) else { continue };
        let (oid, empty): (u32, u32) = (row.number(2)?, row.number(3)?);
        let path = data.join(row.text(5));
        let mut number = empty;
        if row.text(4) == "i" {
            let level = (like.method == "btree").then(|| height(SizeModel::Real, like.pages));
            grow(&path, like.pages.max(1), level)?;
        } else {
            sparse += 1;
            number = sparse;
            let beside = path.with_file_name(sparse.to_string());
            create_like(&path, &beside)?;
            grow(&beside, like.pages, None)?;
            let name = (like.schema.clone(), like.name.clone());
            tables.insert(
                name,
                ShadowTable {
                    oid,
                    empty,
                    sparse,
                    planned_pages: like.planned_pages,
                    planned_tuples: like.planned_tuples,
                    visible_pages: like.visible_pages,
                },
            );
        }
        commands.push_str(&format!(
            "update pg_class set relfilenode = {number}, relpages = {}, reltuples = {}, relallvisible = {} where oid = {oid};",
            like.planned_pages, like.planned_tuples, like.visible_pages
        ));
    }
    for relation in source.relations.iter().filter(|relation| matches!(relation.kind, 'p' | 'I')) {
        commands.push_str(&format!(
            "update pg_class set reltuples = {} where oid = to_regclass(format('%I.%I', {}, {}));",
            relation.planned_tuples,
            crate::session::literal(&relation.schema),
            crate::session::literal(&relation.name)
        ));
    }
    session.rows("set sizes", &commands).await?;
    Ok(tables)
}

/// Sets a relation's size; of a b-tree with so many levels above its leaves.
pub(super) fn grow(path: &Path, pages: u64, level: Option<u32>) -> Result<(), AdviceError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AdviceError::File { path, source }
    };
    if let Some(level) = level {
        let file = File::options().write(true).open(path).map_err(failed(path))?;
        make_tree(&file, level).map_err(failed(path))?;
    }
    let least = level.map_or(0, |level| u64::from(pages_above(level)) + 2);
    let mut left = pages.max(least);
    let mut segment = 0;
    loop {
        let here = left.min(SEGMENT_PAGES);
        let name = segment_name(path, segment);
        if segment > 0 {
            create_like(path, &name)?;
        }
        let file = File::options().write(true).open(&name).map_err(failed(&name))?;
        file.set_len(here * PAGE_BYTES).map_err(failed(&name))?;
        left -= here;
        segment += 1;
        if left == 0 {
            return Ok(());
        }
    }
}

fn segment_name(path: &Path, segment: u32) -> PathBuf {
    if segment == 0 {
        return path.to_owned();
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{segment}"))
}

/// An empty file for whoever owns the other.
fn create_like(path: &Path, beside: &Path) -> Result<(), AdviceError> {
    let failed = |source| AdviceError::File { path: beside.to_owned(), source };
    let like = path.metadata().map_err(failed)?;
    match File::create_new(beside) {
        Ok(_) => chown(beside, Some(like.uid()), Some(like.gid())).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Pages above the leaf of the tree that is made: a height of -1 (HypoPG's) is a root over a leaf.
fn pages_above(level: u32) -> u32 {
    if level > HEIGHT_MAX { 1 } else { level }
}

/// Makes a tree of that height without entries: a page on each level, from the root in page 1 down to an empty leaf.
///
/// The server follows it where the planner wants to know the least or largest entry. See `nbtree.h` and `itup.h`.
fn make_tree(file: &File, level: u32) -> std::io::Result<()> {
    const META: u64 = 24;
    const SPECIAL: u16 = 8176;
    const LEAF: u16 = 1;
    const ROOT: u16 = 2;
    // btm_root, btm_level, btm_fastroot, btm_fastlevel, after the magic number and the version.
    let fields = [1, level, 1, level].map(u32::to_ne_bytes).concat();
    file.write_all_at(&fields, META + 8)?;
    let above = pages_above(level);
    for number in 0..=above {
        let mut page = [0; PAGE_BYTES as usize];
        let is_leaf = number == above;
        // An entry that stands before all values, and leads to the page below.
        let (lower, upper) = if is_leaf { (24, SPECIAL) } else { (28, SPECIAL - 8) };
        // pd_lower, pd_upper, pd_special, pd_pagesize_version.
        let header = [lower, upper, SPECIAL, PAGE_BYTES as u16 | 4].map(u16::to_ne_bytes).concat();
        page[12..20].copy_from_slice(&header);
        if !is_leaf {
            // Where it is, that it is in use, and its eight bytes.
            let pointer = u32::from(upper) | 1 << 15 | 8 << 17;
            page[24..28].copy_from_slice(&pointer.to_ne_bytes());
            let below = number + 2;
            // The block in two halves, no key columns, and INDEX_ALT_TID_MASK with the length.
            let entry = [(below >> 16) as u16, below as u16, 0, 0x2000 | 8].map(u16::to_ne_bytes).concat();
            page[usize::from(upper)..usize::from(upper) + 8].copy_from_slice(&entry);
        }
        let here = if number == 0 { level } else { above - number };
        let flags = if is_leaf { LEAF } else { 0 } | if number == 0 { ROOT } else { 0 };
        let special = usize::from(SPECIAL);
        page[special + 8..special + 12].copy_from_slice(&here.to_ne_bytes());
        page[special + 12..special + 14].copy_from_slice(&flags.to_ne_bytes());
        file.write_all_at(&page, PAGE_BYTES * u64::from(number + 1))?;
    }
    Ok(())
}
