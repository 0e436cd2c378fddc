//! ServiceAccount: who the processes in pods are.

use k8s_openapi::api::core::v1::ServiceAccount;

use crate::resource::{Column, Field, Schema, Strategy};

impl Strategy for ServiceAccount {
    const SINGULAR: &'static str = "serviceaccount";
    const SHORT_NAMES: &'static [&'static str] = &["sa"];
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::atomic("imagePullSecrets"), Field::map("secrets", &["name"], &Schema::ATOMIC)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::integer("Secrets", "How many secrets pods of this account may use.", |account, _| {
            account.secrets.as_ref().map_or(0, Vec::len).into()
        }),
        Column::AGE,
    ];
}
