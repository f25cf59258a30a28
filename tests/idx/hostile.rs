//! Every small damage, and claims that would fill the memory.

use std::{
    fmt::Debug,
    fs::File,
    io::{Seek, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use shadegrad::data::{DataError, read_images, read_labels};
use tempfile::TempDir;

use super::{check, gzip, idx, images, labels, with};

/// Reads every truncation and every change of one byte of `seed`. A change before `payload` must be an error
/// or, in a field of gzip's header that matters to nobody, without effect; one after it must be seen.
fn mutate<T: Debug + PartialEq>(seed: &[u8], payload: usize, read: fn(&Path) -> Result<T, DataError>) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("seed");
    let mut file = File::create(&path).unwrap();
    let mut read = |bytes: &[u8]| {
        // Written over, as some file systems flush to the disk when a file is emptied first.
        file.rewind().unwrap();
        file.write_all(bytes).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        read(&path)
    };
    let good = read(seed).unwrap();
    for len in 0..seed.len() {
        assert!(read(&seed[..len]).is_err(), "cut to {len} of {} bytes", seed.len());
    }
    for at in 0..seed.len() {
        for byte in (0..=255).filter(|&byte| byte != seed[at]) {
            let result = read(&with(seed.to_vec(), at, &[byte]));
            let differs = result.as_ref().is_ok_and(|read| *read != good);
            assert_eq!(differs, at >= payload, "byte {at} as {byte:#04x}: {result:?}");
        }
    }
}

#[test]
fn every_change_of_plain_images() {
    mutate(&images(), 16, read_images);
}

#[test]
fn every_change_of_plain_labels() {
    mutate(&labels(), 8, read_labels);
}

#[test]
fn every_change_of_label_tables() {
    mutate(&idx(&[2, 3], &[0, 1, 0, 0, 0, 1]), 12, read_labels);
    mutate(&with(idx(&[2, 2], &[9; 16]), 2, &[0x0c]), 12, read_labels);
    mutate(&with(idx(&[2], &[9; 8]), 2, &[0x0c]), 8, read_labels);
}

#[test]
fn every_change_of_gzipped_images() {
    mutate(&gzip(&images()), usize::MAX, read_images);
}

#[test]
fn every_change_of_gzipped_labels() {
    mutate(&gzip(&labels()), usize::MAX, read_labels);
}

/// Run by [`huge_claims_allocate_nothing`] in a process whose memory is limited: half a gigabyte of zeros in
/// a gzip of 2 MB, and headers that claim more.
#[test]
#[ignore = "run by huge_claims_allocate_nothing"]
fn huge_claims() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(&images()).unwrap();
    (0..512).for_each(|_| bomb.write_all(&vec![0; 1 << 20]).unwrap());
    let cases = [
        (
            "16 bytes that claim 3.4 TB",
            idx(&[u32::MAX, 28, 28], &[]),
            "IDX offset 4: the header declares 3367254359280 bytes of data, expected at most 1073741824; \
             use fewer samples or download or copy the file again",
        ),
        (
            "16 bytes that claim 1 GiB",
            idx(&[1 << 12, 512, 512], &[]),
            "IDX offset 16: the data end here, expected 1073741824 bytes after the header, found 0@",
        ),
        (
            "a gzip bomb",
            bomb.finish().unwrap(),
            "IDX offset 28: more data, expected the end after the 12 bytes that the header declares@",
        ),
    ];
    check(read_images, &cases);
}

/// Linux alone has a limit on address space that every shell can set.
#[cfg(target_os = "linux")]
#[test]
fn huge_claims_allocate_nothing() {
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg("ulimit -v 400000 && exec \"$0\" --exact hostile::huge_claims --ignored --test-threads 1")
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}
