//! Parses and validates a text, and says what naga finds wrong with it.

use wgpu::naga::{
    self,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

/// What naga finds wrong with a text.
pub enum Fault {
    Parse(naga::front::wgsl::ParseError),
    Invalid(Box<naga::WithSpan<naga::valid::ValidationError>>),
}

/// What a text may use beside WGSL's core; a device may lack it.
pub fn capabilities() -> Capabilities {
    Capabilities::default() | Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16
}

/// Whether a module is valid only where this can be used.
pub fn needs(module: &naga::Module, capability: Capabilities) -> bool {
    Validator::new(ValidationFlags::all(), capabilities() - capability).validate(module).is_err()
}

/// Parses and validates a text.
pub fn parse(text: &str) -> Result<(naga::Module, ModuleInfo), Fault> {
    let module = naga::front::wgsl::parse_str(text).map_err(Fault::Parse)?;
    let info = Validator::new(ValidationFlags::all(), capabilities())
        .validate(&module)
        .map_err(|error| Fault::Invalid(Box::new(error)))?;
    Ok((module, info))
}

impl Fault {
    /// The line that it is in; 0 if naga names none.
    pub fn line(&self, text: &str) -> usize {
        let location = match self {
            Fault::Parse(error) => error.location(text),
            Fault::Invalid(error) => error.location(text),
        };
        location.map_or(0, |location| location.line_number as usize)
    }

    /// The last line that naga points to.
    pub fn last_line(&self, text: &str) -> usize {
        let lines = self.labels().into_iter().map(|(span, _)| span.location(text).line_number as usize);
        lines.chain([self.line(text)]).max().unwrap_or(0)
    }

    /// naga's words, with line, column and caret.
    pub fn message(&self, text: &str, path: &str) -> String {
        match self {
            Fault::Parse(error) => error.emit_to_string_with_path(text, path),
            Fault::Invalid(error) => error.emit_to_string_with_path(text, path),
        }
    }

    /// naga's words, with the places that `place` makes of lines.
    pub fn message_by_lines(&self, text: &str, place: impl Fn(usize) -> String) -> String {
        let words = match self {
            Fault::Parse(error) => error.message().to_owned(),
            Fault::Invalid(error) => super::error::chain(error),
        };
        let label = |(span, label): (naga::Span, String)| {
            let location = span.location(text);
            let line = text.lines().nth(location.line_number as usize - 1).unwrap_or_default().trim();
            format!("\n  {}: {label}\n    {line}", place(location.line_number as usize))
        };
        let labels = self.labels().into_iter().map(label).collect::<String>();
        format!("error: {words}{labels}\n")
    }

    /// What naga points to, and its words there.
    fn labels(&self) -> Vec<(naga::Span, String)> {
        let labels: Vec<_> = match self {
            Fault::Parse(error) => error.labels().map(|(span, label)| (span, label.to_owned())).collect(),
            Fault::Invalid(error) => error.spans().cloned().collect(),
        };
        labels.into_iter().filter(|(span, _)| span.is_defined()).collect()
    }
}
