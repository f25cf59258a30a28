//! What is damaged or of another kind is refused, each time with the right words.

use std::fs;

use shadegrad::{cli::Error, model::load};

use super::{folder, shape};

/// A tensor as it stands in a file.
#[derive(Clone)]
struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The tensors of a network, their values 0, 1, 2 and so on.
fn network(widths: &[usize]) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for (k, pair) in widths.windows(2).enumerate() {
        for (name, shape) in [("weight", vec![pair[1], pair[0]]), ("bias", vec![pair[1]])] {
            tensors.push(tensor(&format!("layers.{k}.{name}"), shape));
        }
    }
    tensors
}

fn tensor(name: &str, shape: Vec<usize>) -> Tensor {
    let len = shape.iter().product();
    let bytes = (0..len).flat_map(|value: usize| (value as f32).to_le_bytes()).collect();
    Tensor { name: name.into(), dtype: "F32", shape, bytes }
}

fn encode(tensors: &[Tensor]) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut values = Vec::new();
    for Tensor { name, dtype, shape, bytes } in tensors {
        let begin = values.len();
        values.extend(bytes);
        let end = values.len();
        let info = format!("\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]");
        entries.push(format!("\"{name}\":{{{info}}}"));
    }
    raw(format!("{{{}}}", entries.join(",")).as_bytes(), &values)
}

fn raw(header: &[u8], values: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, values].concat()
}

/// A file, and what the message about it must say.
type Case = (Vec<u8>, String);

fn case(bytes: impl Into<Vec<u8>>, expected: impl Into<String>) -> Case {
    (bytes.into(), expected.into())
}

fn bad_values() -> Vec<Case> {
    let mut cases = Vec::new();
    for (t, good) in network(&[3, 2, 2]).into_iter().enumerate() {
        for at in 0..good.bytes.len() / 4 {
            let index = match good.shape[..] {
                [_, columns] => format!("({}, {})", at / columns, at % columns),
                _ => at.to_string(),
            };
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut tensors = network(&[3, 2, 2]);
                tensors[t].bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
                cases.push(case(encode(&tensors), format!("{} at {index} is {value}, expected", good.name)));
            }
        }
    }
    cases
}

fn wrong_dtypes() -> Vec<Case> {
    let types = [("F16", 16), ("BF16", 16), ("F64", 64), ("I32", 32), ("U32", 32), ("I64", 64), ("U64", 64)];
    let more = [("I16", 16), ("U16", 16), ("U8", 8), ("I8", 8), ("BOOL", 8), ("C64", 64), ("F8_E4M3", 8)];
    let retyped = |(dtype, bits): (&'static str, usize)| {
        let mut tensors = network(&[3, 2, 2]);
        tensors[2] = Tensor { dtype, bytes: vec![0; 4 * bits / 8], ..tensors[2].clone() };
        case(encode(&tensors), format!("layers.1.weight is {dtype}, expected F32; convert"))
    };
    types.into_iter().chain(more).map(retyped).collect()
}

fn wrong_tensors() -> Vec<Case> {
    let without = |at: usize| {
        let mut tensors = network(&[3, 2, 2]);
        let missing = tensors.remove(at).name;
        case(encode(&tensors), format!("has no tensor {missing}: it has layers."))
    };
    let with = |name: &str| {
        let mut tensors = network(&[3, 2, 2]);
        tensors.push(tensor(name, vec![1]));
        case(encode(&tensors), format!("has a tensor {name}, which a 3-2-2 network has not"))
    };
    let extra = ["layers.2.weight", "layers.2.bias", "layers.0.scale", "layers.00.weight", "layers."];
    let torch = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map(|name| tensor(name, vec![2]));
    let mut cases: Vec<_> = (0..4).map(without).chain(extra.map(with)).collect();
    cases.push(case(encode(&torch), "it has fc1.weight, fc1.bias, fc2.weight and 1 more; use a model"));
    cases.push(case(encode(&[]), "has no tensor layers.0.weight: it has none at all"));
    cases
}

fn wrong_shapes() -> Vec<Case> {
    let reshaped = |at: usize, shape: &[usize], expected: &str| {
        let mut tensors = network(&[3, 2, 2]);
        tensors[at] = tensor(&tensors[at].name, shape.to_vec());
        case(encode(&tensors), expected)
    };
    vec![
        case(encode(&network(&[3, 4, 2])), "layers.0.weight has shape [4, 3], expected [2, 3]"),
        case(encode(&network(&[3, 4, 2])), "the file holds a 3-4-2 network: use --hidden 4"),
        case(encode(&network(&[3, 4, 5, 2])), "the file holds a 3-4-5-2 network: use --hidden 4,5"),
        case(encode(&network(&[3, 2, 2, 2])), "has a tensor layers.2.weight, which a 3-2-2 network"),
        case(encode(&network(&[3, 2, 2, 2])), "the file holds a 3-2-2-2 network: use --hidden 2,2"),
        case(encode(&network(&[5, 2, 2])), "of 5 inputs and 2 classes, the data have 3 and 2: use the data"),
        case(encode(&network(&[3, 2, 7])), "of 3 inputs and 7 classes, the data have 3 and 2: use the data"),
        case(encode(&network(&[3, 2])), "has no tensor layers.1.weight"),
        case(encode(&network(&[3, 0, 2])), "has shape [0, 3], expected [2, 3]; use a model that --save"),
        case(encode(&network(&[3, 16_385, 2])), "has shape [16385, 3], expected [2, 3]; use a model that"),
        reshaped(0, &[3, 2], "layers.0.weight has shape [3, 2], expected [2, 3]; use a model that --save"),
        reshaped(0, &[6], "layers.0.weight has shape [6], expected [2, 3]"),
        reshaped(0, &[], "layers.0.weight has shape [], expected [2, 3]"),
        reshaped(1, &[1, 2], "layers.0.bias has shape [1, 2], expected [2]"),
        reshaped(1, &[3], "layers.0.bias has shape [3], expected [2]; use a model that --save wrote"),
        reshaped(2, &[2, 2, 1], "layers.1.weight has shape [2, 2, 1], expected [2, 2]"),
        reshaped(3, &[1; 200], "layers.1.bias has shape [1, 1, 1, 1, 1, 1"),
    ]
}

fn other_formats() -> Vec<Case> {
    let file = |start: &[u8]| [start, &[1; 40]].concat();
    vec![
        case(file(b"PK\x03\x04\x14\0\0\0"), "is a ZIP archive, as torch.save"),
        case(file(b"\x80\x02\x8a\nl\xfc\x9cF"), "is a Python pickle"),
        case(file(b"\x80\x04\x95\x10\0\0\0\0"), "is a Python pickle"),
        case(file(b"\x93NUMPY\x01\0"), "is a NumPy array"),
        case(file(b"\x89HDF\r\n\x1a\n"), "is an HDF5 file"),
        case(file(b"GGUF\x03\0\0\0"), "is a GGUF file"),
        case(file(b"\x1f\x8b\x08\0\0\0\0\0"), "is a gzip file"),
        case(file(b"\0\0\x08\x03\0\0\xea\x60"), "is an IDX file"),
        case(*b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        case(*b"<!DOCTYPE html><html></html>", "is an HTML or XML page"),
        case(*b"{\"layers\": []}", "is a text file"),
        case(*b"seed = 42\nalpha = 0.1\n", "is a text file"),
        case([0; 64], "is of an unknown format (its first 8 bytes would mean a header of 0 bytes)"),
        case([0xff; 64], "would mean a header of 18446744073709551615 bytes)"),
    ]
}

fn wrong_lengths() -> Vec<Case> {
    let good = encode(&network(&[3, 2, 2]));
    let header = u64::from_le_bytes(good[..8].try_into().unwrap());
    let mut claims_a_mebibyte = good.clone();
    claims_a_mebibyte[..8].copy_from_slice(&(1u64 << 20).to_le_bytes());
    let mut claims_more = good.clone();
    claims_more[..8].copy_from_slice(&((1u64 << 20) + 1).to_le_bytes());
    let all = good.len();
    vec![
        case([], "is empty; expected a safetensors file"),
        case(&good[..1], "is only 1 bytes long"),
        case(&good[..8], "is only 8 bytes long"),
        case(&good[..9], format!("is cut short: 9 bytes, expected at least {}", 8 + header)),
        case(&good[..100], format!("is cut short: 100 bytes, expected at least {}", 8 + header)),
        case(&good[..all - 1], format!("is cut short: {} bytes, expected at least {all}", all - 1)),
        case(
            [&good[..], b"\n"].concat(),
            format!("after the last tensor: {} bytes, expected {all}", all + 1),
        ),
        case(claims_a_mebibyte, format!("is cut short: {all} bytes, expected at least 1048584")),
        case(claims_more, "would mean a header of 1048577 bytes)"),
    ]
}

fn damaged_headers() -> Vec<Case> {
    let entry = |name: &str, dtype: &str, shape: &str, offsets: &str| {
        format!("{{\"{name}\":{{\"dtype\":{dtype},\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    let weight = |dtype, shape, offsets| entry("layers.0.weight", dtype, shape, offsets);
    let f32_weight = |shape, offsets| weight("\"F32\"", shape, offsets);
    let json = |header: &str, expected: &str| {
        case(raw(header.as_bytes(), &[0; 24]), format!("header is damaged: {expected}"))
    };
    vec![
        json("{\"layers", "EOF while parsing"),
        json("{} x", "trailing characters"),
        json("{1:2}", "key must be a string"),
        json(&"{\"a\":".repeat(500), "recursion limit exceeded"),
        json("{\"__metadata__\":{\"epoch\":1}}", "invalid type: integer `1`, expected a string"),
        json("{\"layers.0.weight\":{\"dtype\":\"F32\"}}", "missing field `shape`"),
        json(&weight("\"F128\"", "[2,3]", "[0,24]"), "unknown variant `F128`"),
        json(&weight("\"\\u001b[2J\"", "[2,3]", "[0,24]"), "unknown variant `\\u{1b}[2J`"),
        json(&f32_weight("[-2,3]", "[0,24]"), "invalid value: integer `-2`"),
        json(&f32_weight("[2.0,3]", "[0,24]"), "invalid type: floating point"),
        json(&f32_weight("[2,3]", "[24]"), "invalid length 1"),
        json(&f32_weight("[2,3]", "[24,0]"), "invalid offset for tensor"),
        json(&f32_weight("[2,3]", "[4,28]"), "invalid offset for tensor"),
        json(&f32_weight("[2,3]", "[0,20]"), "invalid shape, data type, or offset"),
        json(&f32_weight("[18446744073709551615,2]", "[0,24]"), "overflow computing buffer size"),
        json(&f32_weight("[99999999999999999999,2]", "[0,24]"), "invalid type: floating point"),
        case(raw(b"{\"\xff\":1}", &[]), "header is damaged: invalid unicode"),
        case(
            raw(f32_weight("[2,3000000000000]", "[0,24000000000000]").as_bytes(), &[0; 24]),
            "expected at least 24000000000103",
        ),
    ]
}

#[test]
fn each_hostile_file_has_its_own_message() {
    let folder = folder();
    let path = folder.path().join("hostile");
    let shape = shape(3, &[2], 2);
    fs::write(&path, encode(&network(&[3, 2, 2]))).unwrap();
    load(&path, &shape).expect("the file that the others are made from is good");
    let tables = [bad_values(), wrong_dtypes(), wrong_tensors(), wrong_shapes()];
    let more = [other_formats(), wrong_lengths(), damaged_headers()];
    let cases: Vec<Case> = tables.into_iter().chain(more).flatten().collect();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    for (bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        let error = load(&path, &shape).expect_err(&expected);
        let message = error.to_string();
        assert!(message.contains(&expected), "{message}\nexpected: {expected}");
        assert!(message.starts_with(path.to_str().unwrap()) && message.contains("; "), "{message}");
        assert!(!message.contains(char::is_control) && message.len() < 600, "{message:?}");
        assert_eq!(Error::from(error).exit_status(), 3);
    }
}

/// A checkpoint holds more than the network, and another program orders tensors otherwise.
#[test]
fn other_tensors_and_another_order_are_fine() {
    let folder = folder();
    let path = folder.path().join("model");
    let mut tensors = network(&[3, 2, 2]);
    tensors.insert(1, tensor("optimizer.layers.0.weight.first", vec![2, 3]));
    tensors.reverse();
    fs::write(&path, encode(&tensors)).unwrap();
    let loaded = load(&path, &shape(3, &[2], 2)).unwrap();
    let expected = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0];
    assert_eq!(loaded.values().collect::<Vec<_>>(), expected);
}
