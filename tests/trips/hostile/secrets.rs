//! After a call with a credential, the key is nowhere in the guest: not in the head, not in the body,
//! not in what its allocator forgot, however the upstream sent it back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inkstone_domain::chat::Chunk;
use inkstone_domain::plugin::Limits;

use super::stage::{OWN_KEY, Stage, chunks};

/// A part of the key as long as this would be worth something.
const PART_BYTES: usize = 8;

/// The guest's linear memory, whole.
async fn dump(stage: &Stage) -> Vec<u8> {
    let limits = Limits {
        memory_mib: Some(16),
        max_response_mib: Some(1),
        cpu_ms: Some(5_000),
        ..Limits::default()
    };
    let provider = stage.provider(limits).await;
    let words = stage.addressed("dump-memory {1}/echo");
    let pages = chunks(&provider, &words, 1_000).await.unwrap();
    let texts = pages.iter().map(|chunk| match chunk {
        Chunk::Text(text) => text,
        other => panic!("{other:?}"),
    });
    texts
        .flat_map(|text| text.chars())
        .map(|byte| u8::try_from(u32::from(byte)).unwrap())
        .collect()
}

fn holds(memory: &[u8], needle: &str) -> bool {
    memory
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_guests_memory_holds_no_key() {
    let stage = Stage::new();
    let memory = dump(&stage).await;
    assert!(memory.len() >= 1 << 20, "{} bytes", memory.len());
    // The upstream saw the key, and what it said around the key is all there.
    assert_eq!(stage.upstreams.seen.keys(0), 1);
    for there in ["you sent ", "[redacted]", "once more in crumbs", "goodbye"] {
        assert!(holds(&memory, there), "`{there}` is not in memory");
    }
    for part in OWN_KEY.as_bytes().windows(PART_BYTES) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!holds(&memory, part), "`{part}` of the key is in memory");
    }
    let reversed: String = OWN_KEY.chars().rev().collect();
    assert!(!holds(&memory, &reversed));
    for text in [
        OWN_KEY.to_owned(),
        format!("Bearer {OWN_KEY}"),
        format!("user:{OWN_KEY}"),
    ] {
        let encoded = STANDARD.encode(text);
        assert!(!holds(&memory, &encoded), "{encoded}");
    }
}
