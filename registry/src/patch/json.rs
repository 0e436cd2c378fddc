//! JSON patch, RFC 6902.

use bireme_core::error::{ApiError, Reason};
use json_patch::jsonptr::Pointer;
use json_patch::{PatchOperation, patch_unsafe};
use serde_json::Value;

/// As many operations as upstream takes.
const MAX_OPERATIONS: usize = 10_000;
/// What all `copy` operations of a patch may add together: copies of copies grow exponentially.
const MAX_COPIED_BYTES: usize = 3 << 20;
/// How deep a patched document may nest, counted where values are put: `move` can stack what came in flat.
const MAX_DEPTH: usize = 250;

/// The document as the operations change it, one after the other; all of them or none.
///
/// # Errors
///
/// `BadRequest` when the patch is not a list of operations, `RequestEntityTooLarge` when there are too many,
/// `Invalid` when one does not fit the document: a path leads nowhere, a `test` fails.
pub fn json(mut document: Value, patch: &[u8]) -> Result<Value, ApiError> {
    let operations: Vec<PatchOperation> = serde_json::from_slice(patch)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    if operations.len() > MAX_OPERATIONS {
        let count = operations.len();
        let message =
            format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}");
        return Err(ApiError::new(Reason::RequestEntityTooLarge, message));
    }
    let mut budget = MAX_COPIED_BYTES;
    for operation in &operations {
        if is_satisfied_test_of_absence(&document, operation) {
            continue;
        }
        check_growth(&document, operation, &mut budget)?;
        // A failure drops the document, so nothing has to be undone.
        patch_unsafe(&mut document, std::slice::from_ref(operation))
            .map_err(|error| super::rejected(format_args!("{}: {}", error.path, error.kind)))?;
    }
    Ok(document)
}

/// As upstream has it, a `test` for null holds where there is nothing.
fn is_satisfied_test_of_absence(document: &Value, operation: &PatchOperation) -> bool {
    match operation {
        PatchOperation::Test(test) => test.value.is_null() && document.pointer(test.path.as_str()).is_none(),
        _ => false,
    }
}

/// Holds what the operation would make within bounds.
fn check_growth(document: &Value, operation: &PatchOperation, budget: &mut usize) -> Result<(), ApiError> {
    let source = |from: &Pointer| document.pointer(from.as_str());
    let added = match operation {
        PatchOperation::Add(add) => depth(&add.value),
        PatchOperation::Replace(replace) => depth(&replace.value),
        PatchOperation::Move(mov) => source(&mov.from).map_or(0, depth),
        PatchOperation::Copy(copy) => {
            let bytes = source(&copy.from).map_or(0, |value| value.to_string().len());
            *budget = budget
                .checked_sub(bytes)
                .ok_or_else(|| super::rejected("the copy operations add more than a request may"))?;
            source(&copy.from).map_or(0, depth)
        }
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
    };
    if operation.path().count() + added > MAX_DEPTH {
        return Err(super::rejected(format_args!("{}: nested too deeply", operation.path())));
    }
    Ok(())
}

/// How many levels a value has. It never recurses deeper than [`MAX_DEPTH`], by what has been put in.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(document: Value, patch: Value) -> Result<Value, Reason> {
        json(document, patch.to_string().as_bytes()).map_err(|error| error.reason())
    }

    #[test]
    fn operations_apply_in_order() {
        let patch = json!([
            {"op": "test", "path": "/a", "value": 1},
            {"op": "add", "path": "/list/-", "value": "c"},
            {"op": "add", "path": "/list/0", "value": "z"},
            {"op": "replace", "path": "/a", "value": {"b~/": 2}},
            {"op": "copy", "from": "/a", "path": "/copy"},
            {"op": "move", "from": "/a/b~0~1", "path": "/moved"},
            {"op": "remove", "path": "/list/1"},
        ]);
        let expected = json!({"a": {}, "list": ["z", "b", "c"], "copy": {"b~/": 2}, "moved": 2});
        assert_eq!(apply(json!({"a": 1, "list": ["a", "b"]}), patch), Ok(expected));
    }

    #[test]
    fn a_test_for_null_holds_where_there_is_nothing() {
        let test = |value: Value| json!([{"op": "test", "path": "/gone", "value": value}]);
        assert_eq!(apply(json!({}), test(json!(null))), Ok(json!({})));
        assert_eq!(apply(json!({}), test(json!(1))), Err(Reason::Invalid));
    }

    #[test]
    fn operations_that_do_not_fit_the_document_are_refused() {
        for operation in [
            json!({"op": "test", "path": "/a", "value": 2}),
            json!({"op": "remove", "path": "/b"}),
            json!({"op": "replace", "path": "/b", "value": 1}),
            json!({"op": "add", "path": "/b/c", "value": 1}),
            json!({"op": "add", "path": "/list/7", "value": 1}),
            json!({"op": "move", "from": "/list", "path": "/list/0"}),
            json!({"op": "copy", "from": "/b", "path": "/c"}),
        ] {
            let document = json!({"a": 1, "list": []});
            assert_eq!(apply(document, json!([operation.clone()])), Err(Reason::Invalid), "{operation}");
        }
    }

    #[test]
    fn what_is_no_json_patch_is_refused() {
        for patch in [
            json!({}),
            json!([{"op": "grow", "path": "/a"}]),
            json!([{"op": "add", "path": "a", "value": 1}]),
            json!([{"op": "add", "path": "/a"}]),
        ] {
            assert_eq!(apply(json!({}), patch.clone()), Err(Reason::BadRequest), "{patch}");
        }
    }

    #[test]
    fn neither_operations_nor_copies_nor_depth_grow_without_bound() {
        let test = json!({"op": "test", "path": "/a", "value": null});
        assert_eq!(apply(json!({}), Value::Array(vec![test; 10_001])), Err(Reason::RequestEntityTooLarge));
        let double = |index: usize| json!({"op": "copy", "from": "", "path": format!("/{index}")});
        let patch = Value::Array((0..40).map(double).collect());
        assert_eq!(apply(json!({"x": "y"}), patch), Err(Reason::Invalid));
        let stack = |index: usize| {
            let add = json!({"op": "add", "path": format!("/{}", index + 1), "value": {}});
            let into = format!("/{}/x", index + 1);
            [add, json!({"op": "move", "from": format!("/{index}"), "path": into})]
        };
        let patch = Value::Array((0..1000).flat_map(stack).collect());
        assert_eq!(apply(json!({"0": {}}), patch), Err(Reason::Invalid));
    }
}
