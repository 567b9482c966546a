//! Every public error code of the product, one line each. A code, once released, keeps its meaning.

use crate::error::ErrorKind::{self, *};

/// A stable public error code.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// As it stands in replies, `snake_case`.
    pub name: &'static str,
    pub kind: ErrorKind,
    /// A short title for people.
    pub title: &'static str,
}

impl Code {
    /// Whether the error is the plugin's own doing, whoever called it and whatever it stands on.
    pub fn blames_plugin(&'static self) -> bool {
        [
            &PLUGIN_TRAPPED,
            &PLUGIN_OUT_OF_MEMORY,
            &PLUGIN_CPU_EXCEEDED,
            &PLUGIN_OUTPUT_EXCEEDED,
            &PLUGIN_HOST_CALLS,
            &PLUGIN_FAILED,
            &PLUGIN_DEADLINE,
        ]
        .iter()
        .any(|code| std::ptr::eq(*code, self))
    }

    /// Whether one caller's input may bring any plugin to it: what is large needs memory, time and room.
    pub fn depends_on_input(&'static self) -> bool {
        [
            &PLUGIN_OUT_OF_MEMORY,
            &PLUGIN_CPU_EXCEEDED,
            &PLUGIN_OUTPUT_EXCEEDED,
            &PLUGIN_HOST_CALLS,
        ]
        .iter()
        .any(|code| std::ptr::eq(*code, self))
    }
}

macro_rules! codes {
    ($($constant:ident $kind:ident $name:literal $title:literal;)*) => {
        $(pub static $constant: Code = Code { name: $name, kind: $kind, title: $title };)*

        /// All codes, in the order of the table.
        pub static ALL: &[&Code] = &[$(&$constant),*];
    };
}

codes! {
    INVALID_INPUT          InvalidInput       "invalid_input"          "The input is not valid";
    INVALID_JSON           InvalidInput       "invalid_json"           "The body is not the JSON that was expected";
    SCHEMA_MISMATCH        InvalidInput       "schema_mismatch"        "The input does not fit its JSON Schema";
    UNINDEXED_FILTER       InvalidInput       "unindexed_filter"       "No index has this filter";
    UNINDEXED_SORT         InvalidInput       "unindexed_sort"         "No index has this order";
    UNSUPPORTED            InvalidInput       "unsupported"            "The plugin or model cannot do this";
    INVALID_CONFIG         InvalidInput       "invalid_config"         "The configuration is not valid";
    CONTEXT_TOO_LONG       InvalidInput       "context_too_long"       "The prompt does not fit into the model";
    MISSING_TOKEN          Unauthenticated    "missing_token"          "No token was sent";
    INVALID_TOKEN          Unauthenticated    "invalid_token"          "The token is not valid";
    TOKEN_EXPIRED          Unauthenticated    "token_expired"          "The token has expired";
    TOKEN_REUSED           Unauthenticated    "token_reused"           "The refresh token was used before";
    INVALID_CREDENTIALS    Unauthenticated    "invalid_credentials"    "E-mail or password is wrong";
    SIGN_IN_REFUSED        Unauthenticated    "sign_in_refused"        "The other issuer's answer proves nothing";
    TOTP_REQUIRED          Unauthenticated    "totp_required"          "A code of the second factor is needed";
    EMAIL_NOT_VERIFIED     Forbidden          "email_not_verified"     "The e-mail address is not verified";
    FORBIDDEN              Forbidden          "forbidden"              "The right for this is missing";
    EGRESS_DENIED          Forbidden          "egress_denied"          "The plugin may not reach this address";
    INVALID_LINK           Forbidden          "invalid_link"           "The link is not valid, or not any more";
    CREDENTIAL_DENIED      Forbidden          "credential_denied"      "The plugin may not use this credential";
    POWER_DENIED           Forbidden          "power_denied"           "The plugin was not granted this power";
    NOT_FOUND              NotFound           "not_found"              "There is no such thing";
    UNKNOWN_ROUTE          NotFound           "unknown_route"          "There is no such route";
    UNKNOWN_MODEL          NotFound           "unknown_model"          "There is no such model";
    UNKNOWN_PLUGIN         NotFound           "unknown_plugin"         "There is no such plugin";
    UNKNOWN_TEMPLATE       NotFound           "unknown_template"       "The plugin has no such template";
    UNKNOWN_TOOL           NotFound           "unknown_tool"           "The plugin has no such tool";
    UNKNOWN_REPORT         NotFound           "unknown_report"         "The plugin has no such report";
    METHOD_NOT_ALLOWED     InvalidInput       "method_not_allowed"     "The route does not take this method";
    CONFLICT               Conflict           "conflict"               "It clashes with the present state";
    ALREADY_EXISTS         Conflict           "already_exists"         "It exists already";
    SLUG_TAKEN             Conflict           "slug_taken"             "Another article has this slug";
    STATUS_NOT_ALLOWED     Conflict           "status_not_allowed"     "The article cannot go there from its status";
    LEASE_LOST             Conflict           "lease_lost"             "Another worker has taken over";
    DEPENDENCY_FAILED      Conflict           "dependency_failed"      "A job that it waited for did not succeed";
    WEBHOOK_DISABLED       Conflict           "webhook_disabled"       "The webhook is disabled and was told nothing";
    REVISION_MISMATCH      PreconditionFailed "revision_mismatch"      "It was changed by somebody else";
    UNSUPPORTED_PROTOCOL   PreconditionFailed "unsupported_protocol"   "This version of the protocol is not spoken here";
    RANGE_NOT_SATISFIABLE  InvalidInput       "range_not_satisfiable"  "The file has no such part";
    UNSUPPORTED_MEDIA_TYPE InvalidInput       "unsupported_media_type" "The body is of a type that is not read here";
    BODY_TOO_SLOW          InvalidInput       "body_too_slow"          "Too little of the body came for too long";
    BODY_TOO_LARGE         TooLarge           "body_too_large"         "The body is too large";
    MEDIA_QUOTA_EXCEEDED   TooLarge           "media_quota_exceeded"   "The project's quota for media is used up";
    MEDIA_TYPE_MISMATCH    InvalidInput       "media_type_mismatch"    "The file is not what it is said to be";
    ATTACHMENT_UNUSABLE    InvalidInput       "attachment_unusable"    "The file cannot be given to a model";
    RATE_LIMITED           RateLimited        "rate_limit_exceeded"    "Too many requests";
    QUOTA_EXCEEDED         RateLimited        "quota_exceeded"         "The quota is used up";
    BUDGET_EXCEEDED        RateLimited        "budget_exceeded"        "The budget is used up";
    CONTENT_BLOCKED        InvalidInput       "content_blocked"        "A guard refuses the text";
    IDEMPOTENCY_MISMATCH   InvalidInput       "idempotency_key_reused" "The idempotency key was used for another request";
    UPSTREAM_RATE_LIMITED  RateLimited        "upstream_rate_limited"  "The upstream has had too many requests";
    CANCELLED              Cancelled          "cancelled"              "It was cancelled";
    PLUGIN_TRAPPED         Internal           "plugin_trapped"         "The plugin crashed";
    PLUGIN_OUT_OF_MEMORY   Internal           "plugin_out_of_memory"   "The plugin used up its memory";
    PLUGIN_CPU_EXCEEDED    Internal           "plugin_cpu_exceeded"    "The plugin used up its computing time";
    PLUGIN_OUTPUT_EXCEEDED Internal           "plugin_output_exceeded" "The plugin gave more output than it may";
    PLUGIN_FAILED          Internal           "plugin_failed"          "The plugin reported a fault of its own";
    PLUGIN_HOST_CALLS      Internal           "plugin_host_calls_exceeded" "The plugin made more calls of the host than it may";
    PLUGIN_BUSY            Unavailable        "plugin_busy"            "The plugin has as many calls as it may";
    PLUGIN_REPLACED        Unavailable        "plugin_replaced"        "The plugin was replaced while the call went on";
    PLUGIN_QUARANTINED     Unavailable        "plugin_quarantined"     "The plugin failed too often and rests";
    PLUGIN_UNTRUSTED       InvalidInput       "plugin_untrusted"       "The package's signature is not trusted";
    CONSENT_NEEDED         Conflict           "consent_needed"         "The new version asks for more than it was granted";
    UNKNOWN_VERSION        NotFound           "unknown_version"        "This version of the plugin is not loaded";
    PLUGIN_REJECTED        InvalidInput       "plugin_rejected"        "The plugin cannot be loaded";
    INTERNAL               Internal           "internal"               "Something went wrong on our side";
    UPSTREAM_ERROR         Upstream           "upstream_error"         "The upstream answered with an error";
    UPSTREAM_UNAUTHORIZED  Upstream           "upstream_unauthorized"  "The upstream refused our credential";
    UPSTREAM_UNREACHABLE   Unavailable        "upstream_unreachable"   "The upstream cannot be reached";
    MODEL_UNAVAILABLE      Unavailable        "model_unavailable"      "The model cannot be used now";
    STORE_UNAVAILABLE      Unavailable        "store_unavailable"      "The database cannot be used now";
    MEDIA_UNAVAILABLE      Unavailable        "media_unavailable"      "The storage of files cannot be used now";
    REDIS_UNAVAILABLE      Unavailable        "redis_unavailable"      "The Redis that engines share cannot be used now";
    SEARCH_UNAVAILABLE     Unavailable        "search_unavailable"     "The search index cannot be used now";
    OVERLOADED             Unavailable        "overloaded"             "There is too much work at the moment";
    SHUTTING_DOWN          Unavailable        "shutting_down"          "The engine is shutting down";
    PLUGIN_DEADLINE        Timeout            "plugin_deadline"        "The plugin did not finish in time";
    UPSTREAM_TIMEOUT       Timeout            "upstream_timeout"       "The upstream did not answer in time";
}
