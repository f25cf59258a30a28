//! What a text declares at module scope: which names, and where.

use super::lexer::{Kind, Lexed};

/// A declaration at module scope. What is inside a function or a comment is none.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    /// `const`, `fn`, `var`, ...
    pub keyword: String,
    /// Empty if it has none, such as a directive.
    pub name: String,
    /// The line of its keyword, from 1.
    pub line: usize,
    /// Without comments.
    pub text: String,
}

/// The declarations of a text, valid or not, in their order.
pub fn items(lexed: &Lexed) -> Vec<Item> {
    let mut first = 0;
    let of = |last| item(lexed, std::mem::replace(&mut first, last + 1), last);
    lexed.declaration_ends().map(of).collect()
}

/// The declaration of these tokens.
fn item(lexed: &Lexed, first: usize, last: usize) -> Item {
    let keyword = after_attributes(lexed, first).min(last);
    let named = match lexed.text(keyword + 1) {
        "<" if lexed.text(keyword) == "var" => {
            lexed.closing(keyword + 1, "<", ">").map_or(last, |close| close + 1)
        }
        _ => keyword + 1,
    };
    let declares = matches!(lexed.text(keyword), "const" | "override" | "var" | "fn" | "struct" | "alias");
    let is_name =
        declares && named <= last && lexed.tokens.get(named).is_some_and(|token| token.kind == Kind::Word);
    let start = lexed.tokens[keyword].start;
    Item {
        keyword: lexed.text(keyword).to_owned(),
        name: if is_name { lexed.text(named).to_owned() } else { String::new() },
        line: lexed.line(start),
        text: lexed.code[start..lexed.tokens[last].end].to_owned(),
    }
}

/// The token after `@group(0) @binding(1)`.
fn after_attributes(lexed: &Lexed, mut at: usize) -> usize {
    while lexed.text(at) == "@" {
        at += 2;
        if lexed.text(at) == "(" {
            at = lexed.closing(at, "(", ")").map_or(usize::MAX, |close| close + 1);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_module_scope_are_found() {
        let text = "enable f16;\n// const NO = 1;\n@group(0) @binding(0) var<storage, read> z: array<f32>; \
            const /* x */ A = 1u; const B: u32 = A;\nalias Q = vec4f;\nstruct S { const_: f32 }\n\
            @compute @workgroup_size(max(A, B)) fn main() { const A = 2; }\n@id(3) override k: u32;\nconst_assert A == 1u;}";
        let found = items(&Lexed::of(text));
        let names: Vec<_> =
            found.iter().map(|item| (item.keyword.as_str(), item.name.as_str(), item.line)).collect();
        assert_eq!(
            names,
            [
                ("enable", "", 1),
                ("var", "z", 3),
                ("const", "A", 3),
                ("const", "B", 3),
                ("alias", "Q", 4),
                ("struct", "S", 5),
                ("fn", "main", 6),
                ("override", "k", 7),
                ("const_assert", "", 8),
                ("}", "", 8),
            ]
        );
    }

    #[test]
    fn any_text_has_items() {
        for text in ["@", "@a(", ";", "var<", "var<;", "}}}", "@ ;", "const"] {
            items(&Lexed::of(text));
        }
    }
}
