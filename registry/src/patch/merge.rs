//! JSON merge patch, RFC 7386.

use bireme_core::error::ApiError;
use serde_json::Value;

/// The document as the merge patch changes it: members merge, `null` deletes, all else is replaced.
///
/// # Errors
///
/// `BadRequest` when the patch is not a JSON object.
pub fn merge(mut document: Value, patch: &[u8]) -> Result<Value, ApiError> {
    json_patch::merge(&mut document, &Value::Object(super::object(patch)?));
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_merge_null_deletes_and_lists_are_replaced() {
        let document = json!({"a": {"x": 1, "y": 2}, "list": [1, 2], "gone": true});
        let patch =
            json!({"a": {"y": null, "z": {"n": null, "m": 1}}, "list": [3], "gone": null, "never": null});
        let expected = json!({"a": {"x": 1, "z": {"m": 1}}, "list": [3]});
        assert_eq!(merge(document, patch.to_string().as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for patch in ["", "[]", "1", "{", "null"] {
            let error = merge(json!({}), patch.as_bytes()).unwrap_err();
            assert_eq!(error.reason(), bireme_core::error::Reason::BadRequest, "{patch}");
        }
    }
}
