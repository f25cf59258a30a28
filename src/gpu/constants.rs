//! The values of a shader's module-scope `const`s, evaluated by naga.
//!
//! naga drops a constant without a concrete type, such as `const BETA1 = 0.9;`, once the text is
//! parsed. The host needs these too, so each is asked for by a further constant of type `f64`.

use std::collections::BTreeMap;

use wgpu::naga::{self, Expression, Literal, TypeInner};

use super::items::Item;

/// The constant that is added to ask naga for a value; no shader has this name.
const PROBE: &str = "shadegrad_probe";

/// The constants of a text, and what they make of expressions.
pub struct Constants {
    /// The declarations that a constant may depend on, without functions: cheap to parse again.
    declarations: String,
    names: Vec<String>,
    known: BTreeMap<String, Option<f64>>,
}

impl Constants {
    /// The constants among the declarations of a text, whose functions may be wrong.
    pub fn new(declared: impl Iterator<Item = Item>) -> Self {
        let mut declared: Vec<_> = declared.collect();
        declared.retain(|item| matches!(item.keyword.as_str(), "enable" | "const" | "alias" | "struct"));
        // A directive comes first.
        declared.sort_by_key(|item| item.keyword != "enable");
        let constants = declared.iter().filter(|item| item.keyword == "const");
        let names = constants.map(|item| item.name.clone()).collect();
        let declarations = declared.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join("\n");
        Constants { declarations, names, known: BTreeMap::new() }
    }

    /// Every constant that is a number, by name.
    pub fn all(&mut self) -> BTreeMap<String, f64> {
        let typed = naga::front::wgsl::parse_str(&self.declarations).ok();
        let mut all = BTreeMap::new();
        for name in self.names.clone() {
            let value = typed.as_ref().and_then(|module| number(module, &name)).or_else(|| self.value(&name));
            all.extend(value.map(|value| (name, value)));
        }
        all
    }

    /// The value of a constant expression; `None` if it is not constant or no number.
    pub fn value(&mut self, expression: &str) -> Option<f64> {
        if let Some(&known) = self.known.get(expression) {
            return known;
        }
        let value = self.evaluate(expression, "").or_else(|| self.evaluate(expression, ": f64"));
        self.known.insert(expression.to_owned(), value);
        value
    }

    fn evaluate(&self, expression: &str, ty: &str) -> Option<f64> {
        let text = format!("{}\nconst {PROBE}{ty} = {expression};\n", self.declarations);
        number(&naga::front::wgsl::parse_str(&text).ok()?, PROBE)
    }
}

/// The value of a constant with a concrete type.
fn number(module: &naga::Module, name: &str) -> Option<f64> {
    let (_, constant) = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some(name))?;
    let literal = match module.global_expressions[constant.init] {
        Expression::Literal(literal) => literal,
        Expression::ZeroValue(ty) => match module.types[ty].inner {
            TypeInner::Scalar(scalar) => Literal::zero(scalar)?,
            _ => return None,
        },
        _ => return None,
    };
    match literal {
        Literal::F64(value) => Some(value),
        Literal::F32(value) => Some(f64::from(value)),
        Literal::F16(value) => Some(value.to_f64()),
        Literal::U32(value) => Some(f64::from(value)),
        Literal::I32(value) => Some(f64::from(value)),
        _ => None,
    }
}

#[cfg(test)]
impl Constants {
    /// The constants of a text.
    pub fn of(text: &str) -> Self {
        Constants::new(super::items::items(&super::lexer::Lexed::of(text)).into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_evaluated_and_not_read_from_lines() {
        let text = "const BETA = 0.9; // what is left\nconst TYPED: f32 = 0.9;\nconst ROWS = 4u; const COUNT = -3;\n\
            const STRIDE = ROWS * 32u / 4u + 1u;\nconst\n  HALF =\n  BETA / 2.0;\n// const LINE = 1;\n\
            /* const BLOCK = 2; /* const INNER = 3; */ const OUTER = 4; */\nconst SOME = max(ROWS, 7u);\n\
            const SAME = BETA;\nconst ZERO = u32();\nconst YES = true;\nconst ONES = vec4f(1.0);\n\
            const ABSTRACT = vec2(1, 2);\nstruct Pair { const_like: u32 }\nalias Quad = vec4f;\n\
            const SIX = Pair(6u).const_like;\noverride open: u32;\nconst_assert ROWS == 4u;\n\
            fn main() { const LOCAL = 5; const ROWS = 9u; { const STRIDE = 1u; } }\n\
            /* } */ const/**/AFTER/* = 1 */=/* 2 */3u;/*\nconst ROWS = 5u;\n*/ // const ROWS = 6u;\r\n";
        let expected = [
            ("AFTER", 3.0),
            ("BETA", 0.9),
            ("COUNT", -3.0),
            ("HALF", 0.45),
            ("ROWS", 4.0),
            ("SAME", 0.9),
            ("SIX", 6.0),
            ("SOME", 7.0),
            ("STRIDE", 33.0),
            ("TYPED", f64::from(0.9f32)),
            ("ZERO", 0.0),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(Constants::of(text).all(), BTreeMap::from(expected));
    }

    #[test]
    fn expressions_of_constants_have_values() {
        let mut constants = Constants::of("const ROWS = 4u;\nconst HALF = 0.5;\noverride open: u32;\n");
        let cases = [
            ("8u", Some(8.0)),
            ("8", Some(8.0)),
            ("ROWS", Some(4.0)),
            ("2u * (ROWS + 1u)", Some(10.0)),
            ("max(ROWS, 7)", Some(7.0)),
            ("HALF", Some(0.5)),
            ("open", None),
            ("other", None),
            ("ROWS +", None),
            ("true", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(constants.value(expression), expected, "{expression}");
        }
    }
}
