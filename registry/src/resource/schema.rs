//! How the lists and maps of a kind merge: the one source for strategic merge patch, server-side apply,
//! field ownership and the OpenAPI extensions.

/// The fields of an object (or part of one) that do not simply merge member by member.
///
/// A schema is a tree that shares its branches: a Deployment's says only that `spec.template` is a
/// [`POD_TEMPLATE`](super::POD_TEMPLATE).
///
/// ```
/// use bireme_registry::resource::{Field, POD_TEMPLATE, Schema, CONDITIONS};
///
/// const DEPLOYMENT: Schema = Schema::of(&[
///     Field::object("spec", &Schema::of(&[
///         Field::atomic("selector"),
///         Field::object("template", &POD_TEMPLATE),
///     ])),
///     Field::object("status", &CONDITIONS),
/// ]);
/// let containers = DEPLOYMENT.at("spec.template.spec.containers").unwrap();
/// assert_eq!(containers.list.patch_merge_key(), Some("name"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    fields: &'static [Field],
    atomic: bool,
}

/// What a [`Schema`] says about one field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// How it merges.
    pub list: ListType,
    /// Whether a strategic merge patch with `$retainKeys` drops members that it does not name.
    pub retain_keys: bool,
    /// Whether even an empty object has it, so that nobody comes to own it by writing something in it.
    pub inherent: bool,
    /// The text that it is where it is left out, of a member that tells the items of a list apart.
    pub default: Option<&'static str>,
    /// What is in it: of an object, or of each item of a list.
    pub inside: &'static Schema,
}

/// How a field merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// An object (or each value of a map) that merges member by member.
    Granular,
    /// Replaced and owned as a whole, object or list alike. The rule of every list that no schema names.
    Atomic,
    /// A list of scalars without duplicates, owned item by item.
    Set,
    /// A list of objects that are told apart by keys.
    Map {
        /// The members that tell items apart in server-side apply.
        keys: &'static [&'static str],
        /// The member that tells them apart in strategic merge patches; none where those replace the list.
        patch_merge_key: Option<&'static str>,
    },
}

impl ListType {
    /// The member that tells items apart in strategic merge patches.
    pub const fn patch_merge_key(self) -> Option<&'static str> {
        match self {
            ListType::Map { patch_merge_key, .. } => patch_merge_key,
            _ => None,
        }
    }
}

impl Field {
    const fn new(name: &'static str, list: ListType, inside: &'static Schema) -> Self {
        Self { name, list, retain_keys: false, inherent: false, default: None, inside }
    }

    /// An object with rules of its own inside.
    pub const fn object(name: &'static str, inside: &'static Schema) -> Self {
        Self::new(name, ListType::Granular, inside)
    }

    /// An object or list that is replaced as a whole.
    pub const fn atomic(name: &'static str) -> Self {
        Self::new(name, ListType::Atomic, &Schema::EMPTY)
    }

    /// A list of scalars that merges as a set.
    pub const fn set(name: &'static str) -> Self {
        Self::new(name, ListType::Set, &Schema::EMPTY)
    }

    /// A list of objects that merges by `keys`, the first of which is also the key of strategic merge.
    pub const fn map(name: &'static str, keys: &'static [&'static str], inside: &'static Schema) -> Self {
        Self::new(name, ListType::Map { keys, patch_merge_key: Some(keys[0]) }, inside)
    }

    /// A key of a list's items that is this text where it is left out.
    pub const fn key(name: &'static str, default: &'static str) -> Self {
        Self { default: Some(default), ..Self::object(name, &Schema::EMPTY) }
    }

    /// The same list, which strategic merge patches replace.
    pub const fn without_patch_merge(mut self) -> Self {
        if let ListType::Map { keys, .. } = self.list {
            self.list = ListType::Map { keys, patch_merge_key: None };
        }
        self
    }

    /// The same field, which every object has: a struct of Kubernetes' own types that is no pointer.
    pub const fn inherent(mut self) -> Self {
        self.inherent = true;
        self
    }

    /// The same field, which honours `$retainKeys`.
    pub const fn retaining_keys(mut self) -> Self {
        self.retain_keys = true;
        self
    }
}

impl Schema {
    /// A schema without rules.
    pub const EMPTY: Schema = Schema { fields: &[], atomic: false };

    /// The items of a list that are owned as a whole each: references to other objects.
    pub const ATOMIC: Schema = Schema { fields: &[], atomic: true };

    /// A schema of these fields.
    pub const fn of(fields: &'static [Field]) -> Self {
        Self { fields, atomic: false }
    }

    /// The fields that have rules.
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Whether what it describes is owned as a whole.
    pub const fn is_atomic(&self) -> bool {
        self.atomic
    }

    /// The rule for a member, if it has one. Every `metadata` in the Kubernetes API is an ObjectMeta.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        static METADATA: Field = Field::object("metadata", &super::METADATA).inherent();
        let found = self.fields.iter().find(|field| field.name == name);
        found.or_else(|| (name == "metadata").then_some(&METADATA))
    }

    /// How a member merges, and what is in it.
    pub fn member(&self, name: &str) -> (ListType, &'static Schema) {
        self.field(name).map_or((ListType::Granular, &Schema::EMPTY), |field| (field.list, field.inside))
    }

    /// How each item of a list of objects that this schema describes merges.
    pub const fn item(&self) -> ListType {
        if self.atomic { ListType::Atomic } else { ListType::Granular }
    }

    /// The text that a member is where it is left out, if it then is one.
    pub fn default_of(&self, name: &str) -> Option<&'static str> {
        self.fields.iter().find(|field| field.name == name).and_then(|field| field.default)
    }

    /// The rule at a dotted path (through the items of lists), if there is one.
    pub fn at(&self, path: &str) -> Option<&'static Field> {
        match path.split_once('.') {
            None => self.field(path),
            Some((head, rest)) => self.field(head)?.inside.at(rest),
        }
    }
}
