//! Every attack there is, what contains it, and what its caller is told. `docs/security/hostile-guests.md`
//! is made of this list; an attack is added here and nowhere else.

use inkstone_domain::plugin::Limits;

/// One way to do harm.
pub struct Attack {
    /// As the table names it.
    pub name: &'static str,
    pub mount: Mount,
    /// What stops it, in the words of the table.
    pub contained_by: &'static str,
    pub expect: Expect,
    /// What the admin set for this plugin.
    pub limits: Limits,
}

/// How an attack is carried in.
#[derive(Clone, Copy)]
pub enum Mount {
    /// `analytics-hostile` does what the word says.
    Report(&'static str),
    /// The same, so many times at once.
    ReportAtOnce(usize, &'static str),
    /// The same so many times at once, in calls whose models never answer.
    ReportThatWaits(usize),
    /// `provider-hostile` does what the model's name says; everything it streams is read.
    /// `{1}` and `{2}` stand for the upstreams' origins, `{port}` for the port of the first.
    Stream(Reach, &'static str),
    /// The same, and the reader leaves after so many items.
    Leave(Reach, &'static str, usize),
    /// A guest written by hand, loaded and, if that went well, run.
    Handmade(&'static str),
    /// A file that was honest once.
    File(Damage),
    /// Compiled code that somebody put into the cache.
    Cache(Tampering),
    /// A list of so many plugins.
    List(usize),
}

/// What the admin granted of the network.
#[derive(Clone, Copy)]
pub enum Reach {
    /// Both upstreams, each by its address.
    Upstreams,
    /// `*://*:*`, and with it no private network.
    Anything,
    /// One public host.
    OneHost,
}

/// What was done to a file, each time at another place.
#[derive(Clone, Copy)]
pub enum Damage {
    NoWasm,
    CoreModule,
    ComponentCutOff,
    TwoManifests,
    PackageCutOff,
    PackageBitFlipped,
    /// An entry named `../../pwn`.
    PathOutside,
    /// An entry named `/etc/motd`.
    AbsolutePath,
    TwiceTheSameName,
    /// An entry that is said to have 4 GiB.
    LyingSize,
    /// An entry that is little as long as it is packed.
    Bomb,
    ForgedSignature,
    /// Where the policy asks for a signature by a trusted key.
    UnknownSigner,
    Unsigned,
}

/// What somebody who may write the cache's folder, and has no key, does there.
#[derive(Clone, Copy)]
pub enum Tampering {
    /// Another plugin's compiled code, whole, under the victim's name.
    Swapped,
    /// One bit of the code.
    BitFlipped,
}

/// What becomes of the call.
#[derive(Clone, Copy)]
pub enum Expect {
    /// The caller is told this code, and these words.
    Code(&'static str, &'static str),
    /// The call goes on as if nothing had been; the words are for the table.
    Unharmed(&'static str),
}

/// Everything is granted that the manifest asks for, and this much of it.
const USUAL: Limits = Limits {
    memory_mib: Some(16),
    deadline_ms: Some(5_000),
    first_item_ms: Some(5_000),
    idle_ms: Some(5_000),
    stream_ms: Some(5_000),
    // A busy machine is no attack.
    cpu_ms: Some(3_000),
    max_response_mib: Some(1),
    max_host_calls: Some(1_000_000),
    max_open: Some(64),
    max_log_lines: Some(256),
    max_log_kib: Some(64),
    max_concurrent: Some(8),
    max_queued: Some(64),
};

const LITTLE_TIME: Limits = Limits {
    cpu_ms: Some(100),
    ..USUAL
};

const FEW_HOST_CALLS: Limits = Limits {
    max_host_calls: Some(2_000),
    ..USUAL
};

const IMPATIENT: Limits = Limits {
    deadline_ms: Some(150),
    // Enough for a guest on a machine that is busy with others.
    first_item_ms: Some(2_000),
    idle_ms: Some(150),
    stream_ms: Some(400),
    ..USUAL
};

const CPU: &str = "computing time, looked at every tick";
const MEMORY: &str = "one cap over all memories and tables";
const OUTPUT: &str = "cap on what crosses the boundary at once";
const BOUNDARY: &str = "every value is checked as it crosses the boundary";
const PREPARE: &str = "refused before it is compiled";
const PACKAGE: &str = "packages are read in memory, bounded, and only whole";
const SPEECHLESS: &str = "refused while it is loaded";
const ALLOW_LIST: &str = "allow list of hosts";
const NETWORKS: &str = "private networks are refused, however they are written";
const CREDENTIALS: &str = "credentials are bound to plugins and to hosts";
const HANDLES: &str = "a table of handles for each call";
const WAITS: &str = "limits on each wait of a stream";

use Expect::{Code, Unharmed};
use Mount::{Cache, File, Handmade, Leave, List, Report, ReportAtOnce, ReportThatWaits, Stream};
use Reach::{Anything, OneHost, Upstreams};

#[rustfmt::skip]
pub const ATTACKS: &[Attack] = &[
    // Computing time.
    attack("endless loop", Report("spin"), CPU, Code("plugin_cpu_exceeded", "100 ms of computing time")).with(LITTLE_TIME),
    attack("endless loops, as many as the plugin may have calls", ReportAtOnce(8, "spin"), "guests that compute for long take turns", Code("plugin_cpu_exceeded", "computing time")).with(LITTLE_TIME),
    attack("endless loop that allocates and frees", Report("loop-forever-alloc"), CPU, Code("plugin_cpu_exceeded", "computing time")).with(LITTLE_TIME),
    attack("endless loop in a stream", Stream(Upstreams, "spin"), CPU, Code("plugin_cpu_exceeded", "computing time")).with(LITTLE_TIME),
    attack("endless loop after the answer", Handmade("spin-after-return"), CPU, Code("plugin_cpu_exceeded", "computing time")).with(LITTLE_TIME),
    attack("endless loop while the host hands over the input", Handmade("realloc-spins"), CPU, Code("plugin_cpu_exceeded", "computing time")).with(LITTLE_TIME),
    attack("endless loop in `start`", Handmade("spin-in-start"), SPEECHLESS, Code("plugin_rejected", "computing time")).with(LITTLE_TIME),
    attack("ping-pong with a cheap import", Report("ping-pong"), "cap on calls of the host", Code("plugin_host_calls_exceeded", "2000 calls of the host")).with(FEW_HOST_CALLS),
    attack("ping-pong with the storage", Report("ping-pong-kv"), "cap on calls of the host", Code("plugin_host_calls_exceeded", "2000 calls of the host")).with(FEW_HOST_CALLS),
    attack("64 KiB of randomness, for ever", Report("random-flood"), "cap on calls of the host", Code("plugin_host_calls_exceeded", "200 calls of the host")).with(Limits { max_host_calls: Some(200), ..USUAL }),
    attack("requests to a granted host, for ever", Stream(Upstreams, "hammer {1}/hello"), "cap on calls of the host", Code("plugin_host_calls_exceeded", "40 calls of the host")).with(Limits { max_host_calls: Some(40), ..USUAL }),
    attack("endless recursion", Report("deep-recursion"), "guard page of the stack", Code("plugin_trapped", "call stack exhausted")),
    attack("endless recursion with large frames", Report("deep-frames"), "bounds of linear memory", Code("plugin_trapped", "out of bounds memory access")),
    attack("a call that waits for ever", ReportThatWaits(1), "deadline", Code("plugin_deadline", "within 150 ms")).with(IMPATIENT),
    attack("more calls than the plugin may have", ReportThatWaits(10), "so many calls at a time, and so many that wait", Code("plugin_busy", "2 calls at a time and 4 that wait")).with(Limits { max_concurrent: Some(2), max_queued: Some(4), ..IMPATIENT }),

    // Memory.
    attack("memory bomb, a megabyte at a time", Report("eat-memory"), MEMORY, Code("plugin_out_of_memory", "16 MiB of memory")),
    attack("memory bomb, in crumbs", Report("eat-in-crumbs"), MEMORY, Code("plugin_out_of_memory", "16 MiB of memory")),
    attack("memory bomb, a gigabyte at once", Report("eat-at-once"), MEMORY, Code("plugin_out_of_memory", "16 MiB of memory")),
    attack("memory bomb through a table", Handmade("table-bomb"), MEMORY, Code("plugin_out_of_memory", "16 MiB of memory")),
    attack("a table too large to begin with", Handmade("large-at-birth"), SPEECHLESS, Code("plugin_rejected", "")),
    attack("fifty memories in one module", Handmade("many-memories"), SPEECHLESS, Code("plugin_rejected", "")),
    attack("memories in many instances", Handmade("many-instances-with-memory"), SPEECHLESS, Code("plugin_rejected", "16 MiB of memory")),
    attack("five hundred instances", Handmade("many-instances"), SPEECHLESS, Code("plugin_rejected", "")),

    // Across the boundary.
    attack("2 MiB of text in an answer", Report("big-output"), OUTPUT, Code("plugin_output_exceeded", "1 MiB at once")),
    attack("40,000 small blocks in an answer", Report("many-outputs"), OUTPUT, Code("plugin_output_exceeded", "1 MiB at once")),
    attack("2 MiB into an import", Report("big-import"), OUTPUT, Code("plugin_output_exceeded", "1 MiB at once")),
    attack("2 MiB in one chunk of a stream", Stream(Upstreams, "big-chunk"), OUTPUT, Code("plugin_output_exceeded", "1 MiB at once")),
    attack("the same 48 KiB shown a thousand times", Handmade("same-bytes-many-times"), OUTPUT, Code("plugin_output_exceeded", "1 MiB at once")),
    attack("invalid UTF-8", Handmade("invalid-utf8"), BOUNDARY, Code("plugin_trapped", "utf-8")),
    attack("a text that lies about its length", Handmade("lying-length"), BOUNDARY, Code("plugin_trapped", "out of bounds")),
    attack("a list that lies about its length", Handmade("lying-list"), BOUNDARY, Code("plugin_trapped", "")),
    attack("an answer beyond the end of memory", Handmade("wild-pointer"), BOUNDARY, Code("plugin_trapped", "out of bounds")),
    attack("an answer at an odd address", Handmade("unaligned-pointer"), BOUNDARY, Code("plugin_trapped", "aligned")),
    attack("a variant that does not exist", Handmade("unknown-variant"), BOUNDARY, Code("plugin_trapped", "discriminant")),
    attack("an error of no kind", Handmade("unknown-error"), BOUNDARY, Code("plugin_trapped", "")),
    attack("an allocator that points outside", Handmade("realloc-outside"), BOUNDARY, Code("plugin_trapped", "realloc")),
    attack("re-entrancy while the input is handed over", Handmade("realloc-reenters"), "no way back into a guest that is being entered", Code("plugin_trapped", "cannot leave component instance")),
    attack("re-entrancy after the answer", Handmade("call-after-return"), "no way back into a guest that is being left", Code("plugin_trapped", "cannot leave component instance")),
    attack("JSON 900,000 levels deep", Report("deep-json"), "a parser that counts levels", Code("plugin_failed", "not valid JSON")),
    attack("more random bytes than one call may have", Report("huge-random"), BOUNDARY, Code("plugin_trapped", "65537 random bytes")),
    attack("trap in `start`", Handmade("trap-in-start"), SPEECHLESS, Code("plugin_rejected", "unreachable")),
    attack("trap", Report("trap"), "a fresh instance for each call", Code("plugin_trapped", "unreachable")),

    // Streams.
    attack("trap in the middle of a stream", Stream(Upstreams, "trap-after-two"), "a fresh instance for each call", Code("plugin_trapped", "unreachable")),
    attack("a stream that never ends", Stream(Upstreams, "endless"), WAITS, Code("plugin_deadline", "went on for more than 400 ms")).with(IMPATIENT),
    attack("a stream that never ends, and a reader that leaves", Leave(Upstreams, "endless", 10), "dropping the stream ends the guest", Unharmed("ends with its reader")),
    attack("a stream that never begins", Stream(Upstreams, "get {1}/silent"), WAITS, Code("plugin_deadline", "nothing came from it within 150 ms")).with(Limits { first_item_ms: Some(150), ..IMPATIENT }),
    attack("a stream that stalls", Stream(Upstreams, "get {1}/one-then-silence"), WAITS, Code("plugin_deadline", "nothing more came from it for 150 ms")).with(IMPATIENT),
    attack("a stream that drips", Stream(Upstreams, "get {1}/drip"), WAITS, Code("plugin_deadline", "went on for more than 400 ms")).with(IMPATIENT),

    // Log and storage.
    attack("log flood", Report("log-flood"), "cap on lines and bytes", Unharmed("19,744 lines dropped")),
    attack("log flood of few large lines", Report("log-big-lines"), "cap on lines and bytes", Unharmed("193 lines dropped")),
    attack("storage beyond its quota, at once", Report("keep-too-much"), "quota", Code("quota_exceeded", "")),
    attack("storage beyond its quota, in crumbs", Report("kv-flood"), "quota", Code("quota_exceeded", "")),
    attack("an error of a megabyte with control characters", Report("long-error"), OUTPUT, Code("plugin_failed", "")),

    // Handles.
    attack("thousands of open bodies", Stream(Upstreams, "hoard {1}/one-then-silence"), "cap on open resources", Code("plugin_trapped", "resource table")),
    attack("thousands of open answers of models", Report("open-streams"), "cap on open resources", Code("plugin_trapped", "resource table")),
    attack("use of a dropped resource", Stream(Upstreams, "use-after-drop {1}/hello"), HANDLES, Code("plugin_trapped", "unknown handle")),
    attack("a resource dropped twice", Stream(Upstreams, "drop-twice {1}/hello"), HANDLES, Code("plugin_trapped", "unknown handle")),
    attack("a handle that nobody gave", Stream(Upstreams, "forged-handle"), HANDLES, Code("plugin_trapped", "unknown handle")),

    // Network.
    attack("a host that is not granted", Stream(OneHost, "get {1}/hello"), ALLOW_LIST, Code("egress_denied", "grants.outbound_hosts")),
    attack("loopback under a wildcard", Stream(Anything, "get {1}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("loopback as a decimal number", Stream(Anything, "get http://2130706433:{port}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("loopback in octal", Stream(Anything, "get http://0177.0.0.1:{port}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("loopback in hexadecimal", Stream(Anything, "get http://0x7f.1:{port}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("loopback in full-width digits", Stream(Anything, "get http://１２７.0.0.1:{port}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("loopback mapped into IPv6", Stream(Anything, "get http://[::ffff:127.0.0.1]:{port}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("loopback behind NAT64", Stream(Anything, "get http://[64:ff9b::7f00:1]:{port}/hello"), NETWORKS, Code("egress_denied", "this machine")),
    attack("the unspecified address", Stream(Anything, "get http://0:{port}/hello"), NETWORKS, Code("egress_denied", "unspecified address")),
    attack("cloud metadata", Stream(Anything, "get http://169.254.169.254/latest/meta-data/"), NETWORKS, Code("egress_denied", "metadata")),
    attack("a name that resolves to loopback", Stream(Anything, "get http://localhost:{port}/hello"), "resolved by the engine, and pinned", Code("egress_denied", "this machine")),
    attack("a name whose owner says it is this machine", Stream(Anything, "get http://rebound.test:{port}/hello"), "resolved by the engine, and pinned", Code("egress_denied", "this machine")),
    attack("a name whose owner says it is cloud metadata", Stream(Anything, "get http://metadata.test/latest/meta-data/"), "resolved by the engine, and pinned", Code("egress_denied", "metadata")),
    attack("redirect to cloud metadata", Stream(Upstreams, "get {1}/to/metadata"), "every hop is checked like the first", Code("egress_denied", "169.254.169.254")),
    attack("redirect to a name of loopback", Stream(Upstreams, "get {1}/to/localhost"), "every hop is checked like the first", Code("egress_denied", "localhost")),
    attack("redirect to a file", Stream(Upstreams, "get {1}/to/file"), "every hop is checked like the first", Code("upstream_error", "not valid")),
    attack("redirect to itself, for ever", Stream(Upstreams, "get {1}/to/itself"), "cap on redirects", Code("upstream_error", "redirected more than")),
    attack("redirect that would carry a credential elsewhere", Stream(Upstreams, "own-credential {1}/to/second"), "credentials stay at their origin", Unharmed("the other origin sees no key")),
    attack("a credential of another plugin", Stream(Upstreams, "anothers-credential {1}/hello"), CREDENTIALS, Code("credential_denied", "grants.credentials")),
    attack("a credential to a host it is not bound to", Stream(Upstreams, "unbound-credential {1}/hello"), CREDENTIALS, Code("credential_denied", "not bound")),
    attack("request smuggling in a header's value", Stream(Upstreams, "smuggle-value {1}/hello"), "headers are checked", Code("invalid_input", "no header may carry")),
    attack("request smuggling in a header's name", Stream(Upstreams, "smuggle-name {1}/hello"), "headers are checked", Code("invalid_input", "no header name")),
    attack("request smuggling in the method", Stream(Upstreams, "smuggle-method {1}/hello"), "a list of methods", Code("invalid_input", "none of GET")),
    attack("request smuggling by two lengths and another's host", Stream(Upstreams, "smuggle-framing {1}/hello"), "framing and host are the engine's", Unharmed("one request arrives, as it should be")),
    attack("a response that says it has 10 GiB", Stream(Upstreams, "swallow {1}/huge"), "cap on a body", Code("upstream_error", "larger than")),
    attack("a response that never ends", Stream(Upstreams, "swallow {1}/endless"), "cap on a body", Code("upstream_error", "larger than")),
    attack("a compressed response that never ends", Stream(Upstreams, "swallow {1}/gzip-bomb"), "cap on a body after decompression", Code("upstream_error", "")),
    attack("two thousand response headers", Stream(Upstreams, "get {1}/many-headers"), "cap on response headers", Code("upstream_error", "")),

    // Files.
    attack("no WebAssembly", File(Damage::NoWasm), PREPARE, Code("plugin_rejected", "no WebAssembly file")),
    attack("a core module", File(Damage::CoreModule), PREPARE, Code("plugin_rejected", "a core module")),
    attack("a component that was cut off", File(Damage::ComponentCutOff), PREPARE, Code("plugin_rejected", "")),
    attack("a component with two manifests", File(Damage::TwoManifests), PREPARE, Code("plugin_rejected", "two manifests")),
    attack("a package that was cut off", File(Damage::PackageCutOff), PACKAGE, Code("plugin_rejected", "")),
    attack("a package with a flipped bit", File(Damage::PackageBitFlipped), PACKAGE, Code("plugin_rejected", "")),
    attack("a package with a path that leads outside", File(Damage::PathOutside), PACKAGE, Code("plugin_rejected", "../../pwn")),
    attack("a package with an absolute path", File(Damage::AbsolutePath), PACKAGE, Code("plugin_rejected", "/etc/motd")),
    attack("a package with two entries of one name", File(Damage::TwiceTheSameName), PACKAGE, Code("plugin_rejected", "")),
    attack("a package that lies about a size", File(Damage::LyingSize), PACKAGE, Code("plugin_rejected", "")),
    attack("a package that unpacks to far more", File(Damage::Bomb), PACKAGE, Code("plugin_rejected", "")),
    attack("a signature of another package", File(Damage::ForgedSignature), "signatures are checked whatever the policy", Code("plugin_untrusted", "is not valid")),
    attack("a signature by a key that is not trusted", File(Damage::UnknownSigner), "trust policy", Code("plugin_untrusted", "none of these keys is trusted")),
    attack("no signature where one is required", File(Damage::Unsigned), "trust policy", Code("plugin_untrusted", "it is not signed")),
    attack("ten thousand offers in one plugin", Handmade("many-offers"), SPEECHLESS, Code("plugin_rejected", "offers 10000 reports")).with(Limits { max_response_mib: Some(16), ..USUAL }),
    attack("imports that its kind may not have", Handmade("whole-imports-network"), PREPARE, Code("plugin_rejected", "imports `inkstone:plugin/http@0.1.0`")),
    attack("imports of HTTP past the engine", Handmade("whole-imports-wasi-http"), PREPARE, Code("plugin_rejected", "imports `wasi:http/outgoing-handler@0.2.0`")),
    attack("imports that nobody offers", Handmade("whole-imports-stranger"), PREPARE, Code("plugin_rejected", "imports `host:system/exec@1.0.0`")),
    attack("a component of another kind", Handmade("whole-wrong-kind"), PREPARE, Code("plugin_rejected", "does not export")),
    attack("a component that exports a name and nothing else", Handmade("whole-hollow"), SPEECHLESS, Code("plugin_rejected", "do not fit the contract")),
    attack("compiled code with a flipped bit in the cache", Cache(Tampering::BitFlipped), "a MAC under a key that is not in the cache", Unharmed("compiled anew")),
    attack("another plugin's compiled code in the cache", Cache(Tampering::Swapped), "a MAC under a key that is not in the cache", Unharmed("compiled anew")),
    attack("ten thousand small plugins", List(10_000), "cap on the list", Code("invalid_config", "`max_plugins`")),
];

const fn attack(
    name: &'static str,
    mount: Mount,
    contained_by: &'static str,
    expect: Expect,
) -> Attack {
    Attack {
        name,
        mount,
        contained_by,
        expect,
        limits: USUAL,
    }
}

impl Attack {
    const fn with(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

impl Mount {
    /// As the table says it.
    pub fn describe(&self) -> String {
        match self {
            Report(word) => format!("`analytics-hostile`, `{word}`"),
            ReportAtOnce(times, word) => format!("`analytics-hostile`, `{word}` × {times}"),
            ReportThatWaits(1) => "`analytics-hostile`, `ask-ai`".to_owned(),
            ReportThatWaits(times) => format!("`analytics-hostile`, `ask-ai` × {times}"),
            Stream(_, words) | Leave(_, words, _) => {
                let word = words.split(' ').next().unwrap_or_default();
                format!("`provider-hostile`, `{word}`")
            }
            Handmade(name) => format!("`handmade/{name}.wat`"),
            File(_) => "a file".to_owned(),
            Cache(_) => "a file in the cache".to_owned(),
            List(_) => "`plugins.toml`".to_owned(),
        }
    }
}
