//! The key management service, as far as the Lambdas use it: one key that signs, one that did so before it, and one for
//! authentication codes.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};

/// The id of the key that signs.
pub(crate) const SIGNING_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/signing";
/// The id of the key that signed before it.
pub(crate) const FORMER_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/former";
/// The id of the key for authentication codes.
pub(crate) const SERVER_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/server";

/// The id of the key that wraps the keys of personal data.
pub(crate) const PERSONAL_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/personal";

/// Answers as the service does.
pub(crate) fn router() -> Router {
    Router::new().route("/", post(async |headers: HeaderMap, body: Bytes| answer(&headers, &body)))
}

fn answer(headers: &HeaderMap, body: &[u8]) -> (StatusCode, Json<Value>) {
    let request: Value = serde_json::from_slice(body).unwrap();
    let id = request["KeyId"].as_str().unwrap();
    let key = SigningKey::from_slice(&[if id == FORMER_KEY { 5 } else { 7 }; 32]).unwrap();
    let answer = match (headers["x-amz-target"].to_str().unwrap(), id) {
        ("TrentService.GetPublicKey", SIGNING_KEY | FORMER_KEY) => {
            let der = key.verifying_key().to_public_key_der().unwrap();
            json!({ "KeyId": id, "PublicKey": BASE64_STANDARD.encode(der.as_bytes()) })
        }
        ("TrentService.Sign", SIGNING_KEY | FORMER_KEY) => {
            assert_eq!(request["MessageType"], "DIGEST");
            assert_eq!(request["SigningAlgorithm"], "ECDSA_SHA_256");
            let digest = BASE64_STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
            let signature: Signature = key.sign_prehash(&digest).unwrap();
            json!({ "KeyId": id, "Signature": BASE64_STANDARD.encode(signature.to_der()) })
        }
        ("TrentService.GenerateMac", SERVER_KEY) => {
            assert_eq!(request["MacAlgorithm"], "HMAC_SHA_256");
            json!({ "KeyId": SERVER_KEY, "Mac": BASE64_STANDARD.encode([9; 32]) })
        }
        // What it wraps says for whom, as the encryption context binds it.
        ("TrentService.GenerateDataKey", PERSONAL_KEY) => {
            assert_eq!(request["KeySpec"], "AES_256");
            let wrapped = BASE64_STANDARD.encode(request["EncryptionContext"].to_string());
            json!({ "KeyId": PERSONAL_KEY, "Plaintext": BASE64_STANDARD.encode([3; 32]), "CiphertextBlob": wrapped })
        }
        ("TrentService.Decrypt", PERSONAL_KEY) => {
            let wrapped = BASE64_STANDARD.decode(request["CiphertextBlob"].as_str().unwrap()).unwrap();
            assert_eq!(String::from_utf8(wrapped).unwrap(), request["EncryptionContext"].to_string());
            json!({ "KeyId": PERSONAL_KEY, "Plaintext": BASE64_STANDARD.encode([3; 32]) })
        }
        (_, key) => {
            let wrong = json!({ "__type": "InvalidKeyUsageException", "message": format!("{key} is not for this") });
            return (StatusCode::BAD_REQUEST, Json(wrong));
        }
    };
    (StatusCode::OK, Json(answer))
}
