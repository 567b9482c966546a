//! The provider as the host calls it, with scripted models.

use inkstone_plugin::inference::{Done, Event, Finish, Model as LocalModel, ModelKind as Kind};
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, Call};

use crate::Local;

/// As the default model's file carries it.
const SMOLLM2: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

fn chat_model(template: Option<&str>) -> LocalModel {
    LocalModel {
        id: "smol".to_owned(),
        kind: Kind::Generation,
        context_length: 100,
        chat_template: template.map(str::to_owned),
        bos_token: Some("<|im_start|>".to_owned()),
        eos_token: Some("<|im_end|>".to_owned()),
    }
}

fn embedding_model() -> LocalModel {
    LocalModel {
        id: "minilm".to_owned(),
        kind: Kind::Embedding,
        context_length: 256,
        chat_template: None,
        bos_token: None,
        eos_token: None,
    }
}

fn host(template: Option<&str>) {
    testing::inference_models(vec![embedding_model(), chat_model(template)]);
    testing::inference(|_| {
        Ok(vec![
            Ok(Event::Text("Hel".to_owned())),
            Ok(Event::Text("lo".to_owned())),
            Ok(Event::Done(Done {
                finish: Finish::Length,
                input_tokens: 7,
                output_tokens: 2,
            })),
        ])
    });
}

fn complete(request: Request) -> Result<Vec<Chunk>> {
    Local.complete(request)?.collect()
}

fn last_generation() -> inkstone_plugin::inference::GenerateRequest {
    match testing::calls().pop() {
        Some(Call::Generate(request)) => request,
        other => panic!("no generation: {other:?}"),
    }
}

#[test]
fn answers_stream_with_usage_and_finish() {
    host(Some(SMOLLM2));
    assert_eq!(
        complete(Request::new("smol").user("Hi")).unwrap(),
        [
            Chunk::text("Hel"),
            Chunk::text("lo"),
            Chunk::Usage(Usage::new(7, 2)),
            Chunk::Finish(FinishReason::Length),
        ]
    );
}

#[test]
fn the_models_own_template_makes_the_prompt() {
    host(Some(SMOLLM2));
    let request = Request::new("smol").system("Be kind.").user("Hi");
    complete(request.assistant("Hello.").user("Bye")).unwrap();
    assert_eq!(
        last_generation().prompt,
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n"
    );
    complete(Request::new("smol").user("Hi")).unwrap();
    assert!(
        last_generation()
            .prompt
            .starts_with("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    );
}

#[test]
fn templates_of_the_wild_work() {
    let template = "{{ bos_token }}{%- set first = messages[0].content.strip() %}\n{%- for m in messages[1:] %}\n    {%- if m.role == 'user' %}[{{ m.content | trim }}|{{ strftime_now('%Y') }}]{% else %}{% break %}{% endif %}\n{%- endfor %}{{ first.upper() }}";
    host(Some(template));
    complete(Request::new("smol").system(" s ").user("u ")).unwrap();
    assert_eq!(last_generation().prompt, "<|im_start|>[u|2025]S");
}

#[test]
fn no_template_or_a_broken_one_is_chat_ml() {
    for template in [None, Some("{% for %}"), Some("{{ messages.nothing.x }}")] {
        host(template);
        complete(Request::new("smol").user("Hi")).unwrap();
        assert_eq!(
            last_generation().prompt,
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }
    assert_eq!(testing::logs().len(), 2);
}

#[test]
fn a_template_may_refuse() {
    host(Some("{{ raise_exception('no system role') }}"));
    let error = complete(Request::new("smol").system("x")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.ends_with("no system role"), "{error}");
}

#[test]
fn sampling_is_mapped_and_defaults_come_from_settings() {
    host(Some(SMOLLM2));
    testing::settings(&serde_json::json!({"temperature": 0.5}));
    complete(Request::new("").user("Hi")).unwrap();
    let defaults = last_generation();
    assert_eq!(defaults.model, "smol");
    assert_eq!(defaults.temperature, 0.5);
    assert_eq!((defaults.top_p, defaults.top_k), (Some(0.9), None));
    assert_eq!(defaults.repeat_penalty, 1.1);
    assert_eq!(defaults.stop, ["<|im_end|>"]);
    assert!(
        defaults.max_tokens < 100,
        "the answer is kept within the context"
    );

    let request = Request::new("smol").user("Hi").temperature(0.0).top_p(0.3);
    let request = request.top_k(5).repeat_penalty(1.3).seed(42).max_tokens(9);
    complete(request.stop("\n\n").stop("<|im_end|>")).unwrap();
    let asked = last_generation();
    assert_eq!((asked.temperature, asked.top_p), (0.0, Some(0.3)));
    assert_eq!((asked.top_k, asked.repeat_penalty), (Some(5), 1.3));
    assert_eq!((asked.seed, asked.max_tokens), (42, 9));
    assert_eq!(asked.stop, ["\n\n", "<|im_end|>"]);
}

#[test]
fn what_it_cannot_do_is_refused_by_name() {
    host(Some(SMOLLM2));
    let plain = || Request::new("smol").user("Hi");
    let with_part = |part| {
        plain().message(Message {
            role: Role::User,
            name: None,
            parts: vec![part],
        })
    };
    let mut json_object = plain();
    json_object.response_format = ResponseFormat::JsonObject;
    let mut required = plain();
    required.tool_choice = ToolChoice::Require;
    let mut frequency = plain();
    frequency.sampling.frequency_penalty = Some(0.5);
    let mut presence = plain();
    presence.sampling.presence_penalty = Some(-0.5);
    let tool = ToolDefinition {
        name: "f".to_owned(),
        description: String::new(),
        parameters: "{}".to_owned(),
    };
    let image = Part::Image(Image {
        media_type: "image/png".to_owned(),
        source: ImageSource::Bytes(vec![1]),
    });
    let mut logprobs = plain();
    logprobs.logprobs = Some(0);
    let tool_result = plain().message(Message::tool_result("1", "x"));
    for (request, field, can_be_dropped) in [
        (plain().tool(tool), "`tools`: ", true),
        (required, "`tool_choice`: ", false),
        (json_object, "`response_format`: ", false),
        (with_part(image), "`messages`: ", false),
        (tool_result, "`messages`: ", false),
        (frequency, "`frequency_penalty`: ", true),
        (presence, "`presence_penalty`: ", true),
        (logprobs, "`logprobs`: ", true),
    ] {
        let error = complete(request.clone()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        assert!(error.message.starts_with(field), "{error}");
        let drop_unsupported = true;
        let dropped = complete(Request {
            drop_unsupported,
            ..request
        });
        assert_eq!(dropped.is_ok(), can_be_dropped, "{field}");
    }
    let thought = Part::Thought(Thought {
        text: "Hm.".to_owned(),
        signature: None,
    });
    assert!(complete(with_part(thought)).is_ok());
    let mut zero = plain();
    zero.sampling.frequency_penalty = Some(0.0);
    assert!(complete(zero).is_ok());
}

#[test]
fn wrong_models_and_long_prompts_say_what_would_help() {
    host(Some(SMOLLM2));
    let error = complete(Request::new("big").user("Hi")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("there are: smol"), "{error}");
    let error = complete(Request::new("minilm").user("Hi")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let error = complete(Request::new("smol").user("word ".repeat(200))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("has room for 100"), "{error}");
    let error = complete(Request::new("smol")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}

#[test]
fn embeddings_come_from_the_embedding_model() {
    host(None);
    testing::inference_embed(|_, inputs| Ok((inputs.iter().map(|_| vec![0.6, 0.8]).collect(), 5)));
    let inputs = vec!["a".to_owned(), "b".to_owned()];
    let mut request = EmbedRequest::new("minilm", inputs);
    let reply = Local.embed(request.clone()).unwrap();
    assert_eq!(reply.vectors, [[0.6, 0.8], [0.6, 0.8]]);
    assert_eq!(reply.usage, Usage::new(5, 0));
    request.dimensions = Some(2);
    assert!(Local.embed(request.clone()).is_ok());
    request.dimensions = Some(1);
    let error = Local.embed(request.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    request.model = "smol".to_owned();
    assert_eq!(Local.embed(request).unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn models_and_connection_are_told() {
    host(None);
    let models = Local.models().unwrap();
    assert_eq!(
        models[0],
        Model::embedding("minilm").with_context_length(256)
    );
    assert_eq!(models[1], Model::chat("smol").with_context_length(100));
    assert_eq!(
        Local.validate_connection().unwrap(),
        "Local models: minilm (embedding, 256 tokens), smol (generation, 100 tokens)"
    );
    testing::inference_models(Vec::new());
    assert_eq!(
        Local.validate_connection().unwrap_err().kind,
        ErrorKind::Unavailable
    );
}

#[test]
fn an_error_in_the_middle_reaches_the_caller() {
    host(None);
    testing::inference(|_| {
        Ok(vec![
            Ok(Event::Text("Hel".to_owned())),
            Err(Error::unavailable("the model is gone")),
        ])
    });
    let chunks: Vec<Result<Chunk>> = Local
        .complete(Request::new("smol").user("Hi"))
        .unwrap()
        .collect();
    assert_eq!(chunks.len(), 2);
    assert!(chunks[1].is_err());
}
