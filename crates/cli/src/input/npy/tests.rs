use std::io::{BufReader, Cursor, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Array, Npz};
use crate::input::parts::Declared;
use crate::input::roles::Choice;
use crate::input::rows::Rows;
use crate::input::source::Source;

/// An array as numpy writes it.
fn npy(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Two rows of two components.
fn vectors() -> Vec<u8> {
    npy("|i1", "False", "(2, 2)", &[1, 2, 3, 0xfc])
}

fn npz(dir: &TempDir, arrays: &[(&str, Vec<u8>)], how: CompressionMethod) -> PathBuf {
    let path = dir.path().join("x.npz");
    let mut archive = ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in arrays {
        archive
            .start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(how))
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    path
}

/// The records as JSON, or what is wrong with the file or with a row.
fn read(path: &Path, choice: &Choice) -> Vec<String> {
    match Npz::new(&Source::named(path).unwrap(), choice, &Declared::new()) {
        Err(e) => vec![e.message().to_owned()],
        Ok(rows) => rows
            .map(|row| match row.and_then(|row| row.record) {
                Ok(record) => serde_json::to_string(&record).unwrap(),
                Err(e) => e.message().to_owned(),
            })
            .collect(),
    }
}

#[test]
fn arrays_are_columns() {
    let dir = tempfile::tempdir().unwrap();
    let arrays = [
        (
            "ids",
            npy(
                "<i8",
                "False",
                "(2,)",
                &[7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
        ),
        ("emb", npy(">i2", "True", "(2, 2)", &[0, 1, 0, 3, 0, 2, 0xff, 0xfc])),
        ("n", npy("|u1", "False", "(2,)", &[255, 0])),
        ("metadata", npy("<U9", "False", "(2,)", &wide(&["{\"k\":[1]}", ""]))),
    ];
    for how in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let path = npz(&dir, &arrays, how);
        let records = [
            r#"{"id":"7","vector":[1.0,2.0],"metadata":{"k":[1],"n":255}}"#,
            r#"{"id":"-1","vector":[3.0,-4.0],"metadata":{"n":0}}"#,
        ];
        let choice = Choice { ignore: vec!["metadata".to_owned()], ..Choice::default() };
        assert_eq!(read(&path, &Choice::default())[0], records[0]);
        assert_eq!(read(&path, &choice)[1], records[1]);
        let mut rows = Npz::new(&Source::named(&path).unwrap(), &choice, &Declared::new()).unwrap();
        assert_eq!(rows.pass_over(1).unwrap(), 1);
        let row = rows.next().unwrap().unwrap();
        assert_eq!(
            (row.line, serde_json::to_string(&row.record.unwrap()).unwrap()),
            (2, records[1].to_owned())
        );
        assert_eq!((rows.pass_over(5).unwrap(), rows.next().is_none()), (0, true));
    }
}

/// Text of nine characters each, four bytes a character.
fn wide(texts: &[&str]) -> Vec<u8> {
    let padded = |text: &str| text.chars().map(u32::from).chain([0; 9]).take(9).collect::<Vec<_>>();
    texts.iter().flat_map(|text| padded(text)).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn what_is_wrong_with_an_array_is_told_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let ids = || ("id", npy("|S1", "False", "(2,)", b"ab"));
    let vector = || ("vector", vectors());
    for (arrays, words) in [
        (vec![vector()], "there is no column id, nor one of its other usual names; the columns are `vector`"),
        (vec![ids(), ("arr_0", vectors())], "there is no column vector"),
        (
            vec![ids(), vector(), ("n", npy("|u1", "False", "(3,)", &[1, 2, 3]))],
            "the array `id` has 2 rows and `n` has 3",
        ),
        (
            vec![ids(), vector(), ("n", npy("|u1", "False", "()", &[1]))],
            "must hold a value or a list of values for each row; leave it out with --ignore-column n",
        ),
        (vec![ids(), vector(), ("n", npy("|O", "False", "(2,)", b"x"))], "type '|O', which are not read"),
        (vec![ids(), vector(), ("n", npy("<c8", "False", "(2,)", &[0; 16]))], "--ignore-column n"),
        (
            vec![ids(), vector(), ("n", npy("<f8", "False", "(2,)", &[0; 9]))],
            "the array `n` is truncated: 7 bytes",
        ),
        (
            vec![ids(), ("vector", npy("|b1", "False", "(2, 2)", &[1; 4]))],
            "the array `vector` holds no numbers",
        ),
        (vec![ids(), ("vector", npy("<f4", "False", "(2,)", &[0; 8]))], "must be a matrix"),
        (
            vec![ids(), ("vector", npy("<f4", "False", "(2, 99999999999999999999)", &[]))],
            "the array `vector`",
        ),
        (vec![ids(), ("vector", npy("<f4", "False", "(2, 4611686018427387904)", &[]))], "the array `vector`"),
        (
            vec![("id", vectors()), vector()],
            "the array `id` has the shape [2, 2], and must hold an id for each row",
        ),
    ] {
        let path = npz(&dir, &arrays, CompressionMethod::Stored);
        let read = read(&path, &Choice::default());
        assert!(
            read.len() == 1 && read[0].contains("x.npz: ") && read[0].contains(words),
            "{words}: {read:?}"
        );
    }
    let path = npz(
        &dir,
        &[ids(), ("n", npy("<f4", "False", "(2,)", &[0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x3f])), vector()],
        CompressionMethod::Stored,
    );
    let read = read(&path, &Choice::default());
    assert!(read[0].starts_with("the array `n`: NaN is not finite"), "{read:?}");
    assert_eq!(read[1], r#"{"id":"b","vector":[3.0,-4.0],"metadata":{"n":1.0}}"#);
}

#[test]
fn a_large_matrix_by_column_is_turned_block_by_block() {
    // Three blocks: 4 MiB hold 65,536 rows.
    let (rows, dimension) = (140_000, 8);
    let component = |row: usize, column: usize| (column * rows + row) as f64;
    let data: Vec<u8> =
        (0..dimension).flat_map(|c| (0..rows).flat_map(move |r| component(r, c).to_le_bytes())).collect();
    let file = Cursor::new(npy("<f8", "True", &format!("({rows}, {dimension})"), &data));
    let mut matrix = Array::new(BufReader::new(file), "x.npy").unwrap();
    for passed in [0, 70_000] {
        matrix.seek(passed as u64).unwrap();
        for row in passed..rows {
            let expected: Vec<f32> = (0..dimension).map(|column| component(row, column) as f32).collect();
            assert_eq!(matrix.vector().unwrap(), expected, "row {row}");
        }
    }
}

#[test]
fn damaged_archives_are_errors_or_show_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let arrays = [("id", npy("|S1", "False", "(2,)", b"ab")), ("vector", vectors())];
    for how in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let path = npz(&dir, &arrays, how);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xa5;
            std::fs::write(&path, &bytes).unwrap();
            assert!(read(&path, &Choice::default()).len() <= 2, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(&path, &Choice::default()).len(), 1, "cut at byte {at}");
        }
    }
}
