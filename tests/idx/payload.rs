//! Payloads and gzip streams that are short, long or damaged.

use shadegrad::data::{read_images, read_labels};

use super::{Case, check, cut, gzip, images, labels, plus, with};

#[test]
fn payloads_that_disagree_with_the_header() {
    let short = |offset, expected, found| {
        format!(
            "IDX offset {offset}: the data end here, expected {expected} bytes after the header, found {found}@"
        )
    };
    let long = |offset, expected| {
        format!(
            "IDX offset {offset}: more data, expected the end after the {expected} bytes \
             that the header declares@"
        )
    };
    let cases: [Case; 9] = [
        ("a byte less", cut(images(), 27), &short(27, 12, 11)),
        ("gzipped, a byte less", gzip(&cut(images(), 27)), &short(27, 12, 11)),
        ("no payload", cut(images(), 16), &short(16, 12, 0)),
        ("a picture less", cut(images(), 22), &short(22, 12, 6)),
        ("a byte more", plus(images(), &[0]), &long(28, 12)),
        ("gzipped, a byte more", gzip(&plus(images(), &[0])), &long(28, 12)),
        ("much more", plus(images(), &[0; 100_000]), &long(28, 12)),
        ("gzipped, much more", gzip(&plus(images(), &[0; 100_000])), &long(28, 12)),
        ("a second file", plus(images(), &images()), &long(28, 12)),
    ];
    check(read_images, &cases);
    let cases: [Case; 4] = [
        ("a byte less", cut(labels(), 9), &short(9, 2, 1)),
        ("no payload", gzip(&cut(labels(), 8)), &short(8, 2, 0)),
        ("a byte more", plus(labels(), &[0]), &long(10, 2)),
        ("gzipped, a byte more", gzip(&plus(labels(), &[0])), &long(10, 2)),
    ];
    check(read_labels, &cases);
}

#[test]
fn damaged_gzip() {
    let good = gzip(&images());
    let len = good.len();
    let header = "file offset 0: damaged gzip header: invalid gzip header@";
    let cut_off = |offset| {
        format!("IDX offset {offset}: the gzip stream is cut off here, expected its end and checksum@")
    };
    let corrupt = "IDX offset 0: damaged gzip stream: corrupt deflate stream@";
    let checksum = "IDX offset 28: the gzip checksum or length at the end does not match the data@";
    let after = |offset| {
        format!("file offset {offset}: bytes after the end of the gzip stream, expected the end of the file@")
    };
    let second = |offset| {
        format!(
            "file offset {offset}: a second gzip member, expected the end of the file; make one of them: \
             gzip -dc FILE | gzip > NEW"
        )
    };
    let halves = gzip(&images()[..20]).len();
    let short = "IDX offset 20: the data end here, expected 12 bytes after the header, found 4@";
    let cases: [Case; 19] = [
        ("magic number only", cut(good.clone(), 2), &cut_off(0)),
        ("header cut", cut(good.clone(), 9), &cut_off(0)),
        ("no stream", cut(good.clone(), 10), &cut_off(0)),
        ("no checksum", cut(good.clone(), len - 8), &cut_off(28)),
        ("no length", cut(good.clone(), len - 4), &cut_off(28)),
        ("a byte less", cut(good.clone(), len - 1), &cut_off(28)),
        ("not deflate", with(good.clone(), 2, &[7]), header),
        ("reserved flags", with(good.clone(), 3, &[0xe0]), header),
        ("endless name", plus(with(cut(good.clone(), 10), 3, &[8]), &[b'a'; 500]), &cut_off(0)),
        ("reserved block type", with(good.clone(), 10, &[0xff]), corrupt),
        ("checksum", with(good.clone(), len - 8, &[!good[len - 8]]), checksum),
        ("length", with(good.clone(), len - 1, &[1]), checksum),
        ("a byte after", plus(good.clone(), b"x"), &after(len)),
        ("padding", plus(good.clone(), &[0; 512]), &after(len)),
        ("a second stream", plus(good.clone(), &good), &second(len)),
        ("the pictures in two", plus(gzip(&cut(images(), 20)), &gzip(&images()[20..])), &second(halves)),
        (
            "the header in two",
            plus(gzip(&cut(images(), 9)), &gzip(&images()[9..])),
            &second(gzip(&images()[..9]).len()),
        ),
        ("a picture too few in two", plus(gzip(&cut(images(), 20)), b"x"), short),
        ("much after", plus(good.clone(), &[b'x'; 300_000]), &after(len)),
    ];
    check(read_images, &cases);
    let good = gzip(&labels());
    let len = good.len();
    let checksum = "IDX offset 10: the gzip checksum or length at the end does not match the data@";
    let cases: [Case; 3] = [
        ("checksum", with(good.clone(), len - 5, &[!good[len - 5]]), checksum),
        ("a byte less", cut(good.clone(), len - 1), &cut_off(10)),
        ("a byte after", plus(good.clone(), b"\n"), &after(len)),
    ];
    check(read_labels, &cases);
}
