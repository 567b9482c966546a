//! Answers in capitals, word by word.
use inkstone_plugin::provider::*;

pub struct Shout;

impl Provider for Shout {
    fn models(&self) -> Result<Vec<Model>> {
        Ok(vec![Model::chat("loud")])
    }

    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
        let Some(said) = request.messages.last().map(Message::text) else {
            return Err(Error::invalid_input("say something to shout"));
        };
        let words: Vec<String> = said.split_inclusive(' ').map(str::to_uppercase).collect();
        let count = words.len() as u64;
        let end = [
            Chunk::Usage(Usage::new(count, count)),
            Chunk::Finish(FinishReason::Stop),
        ];
        Ok(words.into_iter().map(Chunk::text).chain(end).map(Ok))
    }
}

inkstone_plugin::export_provider!(Shout);

#[test]
fn shouts() {
    let chunks = Shout.complete(Request::prompt("be quiet")).unwrap();
    let loud: Vec<Chunk> = chunks.take(2).map(Result::unwrap).collect();
    assert!(matches!(&loud[..], [Chunk::Text(a), Chunk::Text(b)] if a == "BE " && b == "QUIET"));
}
