//! The columns of tables.

use bireme_core::object::Resource;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

/// A column without its way to make cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// The heading, such as `Up-To-Date`; clients print it in upper case.
    pub name: &'static str,
    /// The OpenAPI type of the cells: `string`, `integer`, `boolean`, `number` or `date`.
    pub data_type: &'static str,
    /// The OpenAPI format: `name` for the column of names, else mostly empty.
    pub format: &'static str,
    /// What the column tells.
    pub description: &'static str,
    /// Zero for columns that are always shown; higher ones are for `-o wide`.
    pub priority: i32,
}

/// A column of a table of `K`s.
#[derive(Debug)]
pub struct Column<K> {
    /// What the heading says.
    pub definition: ColumnDefinition,
    /// The cell of an object, at the time given (ages are relative to it).
    pub cell: fn(&K, Timestamp) -> Value,
}

// Derived, these would ask the same of `K`.
impl<K> Clone for Column<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Column<K> {}

impl<K> Column<K> {
    /// A column of text that is always shown.
    pub const fn text(
        name: &'static str,
        description: &'static str,
        cell: fn(&K, Timestamp) -> Value,
    ) -> Self {
        let definition = ColumnDefinition { name, data_type: "string", format: "", description, priority: 0 };
        Self { definition, cell }
    }

    /// A column of whole numbers that is always shown.
    pub const fn integer(
        name: &'static str,
        description: &'static str,
        cell: fn(&K, Timestamp) -> Value,
    ) -> Self {
        let definition =
            ColumnDefinition { name, data_type: "integer", format: "", description, priority: 0 };
        Self { definition, cell }
    }

    /// The same column, always shown.
    pub const fn always(mut self) -> Self {
        self.definition.priority = 0;
        self
    }

    /// The same column, shown only in wide tables.
    pub const fn wide(mut self) -> Self {
        self.definition.priority = 1;
        self
    }
}

impl<K: Resource> Column<K> {
    /// The name of the object.
    pub const NAME: Self = Column {
        definition: ColumnDefinition {
            name: "Name",
            data_type: "string",
            format: "name",
            description: "Name must be unique within a namespace.",
            priority: 0,
        },
        cell: |object, _| object.metadata().name.clone().unwrap_or_default().into(),
    };

    /// The time since the object was created.
    pub const AGE: Self = Column::text("Age", "The time since the object was created.", |object, now| {
        age(object.metadata().creation_timestamp.as_ref(), now).into()
    });

    /// The time at which the object was created.
    pub const CREATED_AT: Self =
        Column::text("Created At", "The time at which the object was created.", |object, _| {
            let created = object.metadata().creation_timestamp.as_ref();
            created.map_or_else(|| "<unknown>".to_owned(), |time| time.0.to_string()).into()
        });
}

/// The time since `from` as `kubectl` prints it: `42s`, `3m7s`, `5h12m`, `3d4h`, `31d`, `2y40d`.
pub fn age(from: Option<&Time>, now: Timestamp) -> String {
    let Some(from) = from else { return "<unknown>".to_owned() };
    let seconds = now.duration_since(from.0).as_secs();
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |major: i64, unit: &str, minor: i64, sub: &str| match minor {
        0 => format!("{major}{unit}"),
        minor => format!("{major}{unit}{minor}{sub}"),
    };
    match seconds {
        ..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two(days, "d", hours % 24, "h"),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_get_coarser_as_they_grow() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        for (seconds, expected) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (187, "3m7s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (18_720, "5h12m"),
            (86_400, "24h"),
            (172_800, "2d"),
            (273_600, "3d4h"),
            (86_400 * 31, "31d"),
            (86_400 * 770, "2y40d"),
            (86_400 * 3650, "10y"),
        ] {
            let from = Time(Timestamp::from_second(1_000_000_000 - seconds).unwrap());
            assert_eq!(age(Some(&from), now), expected, "{seconds}");
        }
        assert_eq!(age(None, now), "<unknown>");
    }
}
