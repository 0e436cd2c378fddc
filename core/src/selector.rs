//! Which objects a list, a watch, a Service or a controller means: selectors over labels and fields.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// A term of a selector in text form is not of a form that is known.
    #[error("unable to parse requirement: {0:?}")]
    Term(String),
    /// The operator of a requirement does not exist.
    #[error("{0:?} is not a valid label selector operator")]
    Operator(String),
    /// `In` and `NotIn` need values, `Exists` and `DoesNotExist` must have none, comparisons need one number.
    #[error("operator {operator} of key {key:?} has the wrong number or form of values")]
    Values {
        /// The label's key.
        key: String,
        /// The operator.
        operator: &'static str,
    },
    /// A key or value that no label can have.
    #[error("{0:?} is not a valid label key or value")]
    Label(String),
}

/// A conjunction of requirements on labels. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// The selector that matches everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// The selector that wants each of these labels with this value (`spec.selector` of a Service).
    pub fn equals<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let requirement = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            test: Test::In(vec![value.clone()]),
        };
        Self { requirements: labels.into_iter().map(requirement).collect() }
    }

    /// The text form of `labelSelector` query parameters: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
    ///
    /// # Errors
    ///
    /// When a term is not of one of these forms, or names what no label can have.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let terms =
            split_outside_parentheses(text).into_iter().map(str::trim).filter(|term| !term.is_empty());
        Ok(Self { requirements: terms.map(parse_term).collect::<Result<_, _>>()? })
    }

    /// The selector that one expression (of a node selector, say) means; operators `In`, `NotIn`, `Exists`,
    /// `DoesNotExist`, `Gt` and `Lt`.
    ///
    /// # Errors
    ///
    /// When the operator does not exist or has the wrong values.
    pub fn expression(key: &str, operator: &str, values: &[String]) -> Result<Self, SelectorError> {
        Ok(Self { requirements: vec![requirement(key, operator, values)?] })
    }

    /// Whether it matches everything.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }
}

impl TryFrom<&meta::LabelSelector> for LabelSelector {
    type Error = SelectorError;

    /// The selector of a Deployment, ReplicaSet, …: `matchLabels` and `matchExpressions` together.
    fn try_from(selector: &meta::LabelSelector) -> Result<Self, SelectorError> {
        let mut requirements = Self::equals(selector.match_labels.iter().flatten()).requirements;
        for expression in selector.match_expressions.iter().flatten() {
            let values = expression.values.as_deref().unwrap_or_default();
            requirements.push(requirement(&expression.key, &expression.operator, values)?);
        }
        Ok(Self { requirements })
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Requirement { key, test }) in self.requirements.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            match test {
                Test::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Test::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Test::NotIn(values) if values.len() == 1 => write!(f, "{key}!={}", values[0])?,
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Test::Exists => f.write_str(key)?,
                Test::DoesNotExist => write!(f, "!{key}")?,
                Test::GreaterThan(bound) => write!(f, "{key}>{bound}")?,
                Test::LessThan(bound) => write!(f, "{key}<{bound}")?,
            }
        }
        Ok(())
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            // An absent label satisfies `NotIn` and `!=`, as upstream has it.
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Test::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn requirement(key: &str, operator: &str, values: &[String]) -> Result<Requirement, SelectorError> {
    let wrong = |operator| SelectorError::Values { key: key.to_owned(), operator };
    let some = |operator| if values.is_empty() { Err(wrong(operator)) } else { Ok(values.to_vec()) };
    let none = |operator| if values.is_empty() { Ok(()) } else { Err(wrong(operator)) };
    let number = |operator| match values {
        [one] => one.parse::<i64>().map_err(|_| wrong(operator)),
        _ => Err(wrong(operator)),
    };
    let test = match operator {
        "In" => Test::In(some("In")?),
        "NotIn" => Test::NotIn(some("NotIn")?),
        "Exists" => none("Exists").map(|()| Test::Exists)?,
        "DoesNotExist" => none("DoesNotExist").map(|()| Test::DoesNotExist)?,
        "Gt" => Test::GreaterThan(number("Gt")?),
        "Lt" => Test::LessThan(number("Lt")?),
        other => return Err(SelectorError::Operator(other.to_owned())),
    };
    check_key(key)?;
    Ok(Requirement { key: key.to_owned(), test })
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0usize, 0, Vec::new());
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&text[begin..index]);
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn parse_term(term: &str) -> Result<Requirement, SelectorError> {
    let bad = || SelectorError::Term(term.to_owned());
    if let Some(key) = term.strip_prefix('!') {
        return requirement(key.trim(), "DoesNotExist", &[]);
    }
    if let Some(inner) = term.strip_suffix(')') {
        let (head, list) = inner.split_once('(').ok_or_else(bad)?;
        let (key, word) = head.trim().rsplit_once(char::is_whitespace).ok_or_else(bad)?;
        let operator = match word {
            "in" => "In",
            "notin" => "NotIn",
            _ => return Err(bad()),
        };
        let values: Vec<String> = list.split(',').map(|value| value.trim().to_owned()).collect();
        values.iter().try_for_each(|value| check_value(value))?;
        return requirement(key.trim(), operator, &values);
    }
    // Longer operators first, so that `!=` and `==` are not taken for `=`.
    for (symbol, operator) in [("!=", "NotIn"), ("==", "In"), ("=", "In"), (">", "Gt"), ("<", "Lt")] {
        if let Some((key, value)) = term.split_once(symbol) {
            check_value(value.trim())?;
            return requirement(key.trim(), operator, &[value.trim().to_owned()]);
        }
    }
    requirement(term, "Exists", &[])
}

fn check_key(key: &str) -> Result<(), SelectorError> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let name_fits = !name.is_empty() && is_label_text(name, 63);
    if name_fits && prefix.is_none_or(|prefix| !prefix.is_empty() && is_label_text(prefix, 253)) {
        Ok(())
    } else {
        Err(SelectorError::Label(key.to_owned()))
    }
}

fn check_value(value: &str) -> Result<(), SelectorError> {
    if is_label_text(value, 63) { Ok(()) } else { Err(SelectorError::Label(value.to_owned())) }
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; or nothing.
fn is_label_text(text: &str, longest: usize) -> bool {
    let ends = [text.chars().next(), text.chars().next_back()];
    text.len() <= longest
        && ends.into_iter().flatten().all(|c| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A conjunction of requirements on an object's fields: `metadata.name=a,spec.nodeName!=b`.
///
/// Which fields a kind can be selected by is the registry's knowledge; this is only the parsed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// The requirements, all of which must hold.
    pub requirements: Vec<FieldRequirement>,
}

/// One requirement of a [`FieldSelector`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// The path of the field, such as `spec.nodeName`.
    pub field: String,
    /// The value.
    pub value: String,
    /// Whether the field must have the value, or must not.
    pub equal: bool,
}

impl FieldSelector {
    /// The selector that wants a field to have a value.
    pub fn equals(field: &str, value: &str) -> Self {
        let requirement = FieldRequirement { field: field.to_owned(), value: value.to_owned(), equal: true };
        Self { requirements: vec![requirement] }
    }

    /// The text form of `fieldSelector` query parameters: `a=b,c==d,e!=f`; a backslash escapes `,`, `=` and `\`.
    ///
    /// # Errors
    ///
    /// When a term has no operator.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let terms = split_unescaped(text).into_iter().filter(|term| !term.trim().is_empty());
        let parse = |term: String| {
            let found =
                ["!=", "==", "="].into_iter().find_map(|symbol| Some((symbol, term.split_once(symbol)?)));
            let (symbol, (field, value)) = found.ok_or_else(|| SelectorError::Term(term.clone()))?;
            let value = value.replace("\\=", "=").replace("\\,", ",").replace("\\\\", "\\");
            Ok(FieldRequirement { field: field.trim().to_owned(), value, equal: symbol != "!=" })
        };
        Ok(Self { requirements: terms.map(parse).collect::<Result<_, _>>()? })
    }

    /// Whether it matches everything.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object is meant whose fields have the values that `value_of` tells (unknown: empty).
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<std::borrow::Cow<'a, str>>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = value_of(&requirement.field).unwrap_or_default();
            (value == requirement.value) == requirement.equal
        })
    }

    /// The value that a field must have, if the selector says so.
    pub fn required_value(&self, field: &str) -> Option<&str> {
        let wanted = |requirement: &&FieldRequirement| requirement.equal && requirement.field == field;
        self.requirements.iter().find(wanted).map(|requirement| requirement.value.as_str())
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let operator = if requirement.equal { "=" } else { "!=" };
            let value = requirement.value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
            write!(f, "{separator}{}{operator}{value}", requirement.field)?;
        }
        Ok(())
    }
}

/// Splits at commas that no backslash escapes; the escapes stay.
fn split_unescaped(text: &str) -> Vec<String> {
    let (mut parts, mut escaped) = (vec![String::new()], false);
    for c in text.chars() {
        if c == ',' && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        parts.last_mut().expect("there is a part from the start").push(c);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_form_of_a_label_term_selects() {
        let web = labels(&[("app", "web"), ("tier", "front"), ("size", "3")]);
        for (text, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("missing!=x", true),
            ("app in (api, web)", true),
            ("app notin (api,web),tier", false),
            ("absent notin (a)", true),
            ("tier", true),
            ("!tier", false),
            ("!absent", true),
            ("size>2,size<4", true),
            ("size>3", false),
            ("app>1", false),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&web), expected, "{text}");
        }
    }

    #[test]
    fn malformed_label_selectors_are_refused() {
        for text in ["a in b", "a in (", "=x", "a=b c", "a b", "a>x", "-a", "a/b/c", "a=ü", "a foo (b)"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn text_form_survives_a_round_trip() {
        let labels = "a=b,c in (d,e),f notin (g,h),i,!j,k>1,l<2,m!=n";
        assert_eq!(LabelSelector::parse(labels).unwrap().to_string(), labels);
        let fields = "metadata.name=a,spec.nodeName!=b";
        assert_eq!(FieldSelector::parse(fields).unwrap().to_string(), fields);
    }

    #[test]
    fn match_expressions_are_part_of_the_selector() {
        let selector = meta::LabelSelector {
            match_labels: Some(labels(&[("app", "web")])),
            match_expressions: Some(vec![meta::LabelSelectorRequirement {
                key: "tier".into(),
                operator: "NotIn".into(),
                values: Some(vec!["back".into()]),
            }]),
        };
        let selector = LabelSelector::try_from(&selector).unwrap();
        assert!(selector.matches(&labels(&[("app", "web")])));
        assert!(!selector.matches(&labels(&[("app", "web"), ("tier", "back")])));
    }

    #[test]
    fn escaped_field_values_are_unescaped() {
        let selector = FieldSelector::parse(r"reason=a\,b\=c,type!=d").unwrap();
        assert_eq!(selector.requirements[0].value, "a,b=c");
        assert!(!selector.requirements[1].equal);
        assert!(FieldSelector::parse("nonsense").is_err());
    }
}
