"""A client that openapi-python-client made of Inkstone's document: sign in, and an article through its life."""

import os

from inkstone_client import AuthenticatedClient, Client
from inkstone_client.api.articles import change_article, create_article, delete_article, list_articles, show_article
from inkstone_client.api.auth import login
from inkstone_client.models import (
    ArticlePatchBody,
    ArticleReply,
    LoginBody,
    NewArticleBody,
    Problem,
    StatusWord,
    TokenReply,
)

URL = os.environ["INKSTONE_URL"]

credentials = LoginBody(email=os.environ["INKSTONE_EMAIL"], password=os.environ["INKSTONE_PASSWORD"])
pair = login.sync(client=Client(base_url=URL), body=credentials)
assert isinstance(pair, TokenReply), pair
client = AuthenticatedClient(base_url=URL, token=pair.access_token)

made = create_article.sync_detailed(client=client, body=NewArticleBody(title="Tides", body="The moon pulls.", tags=["sea"]))
assert made.status_code == 201 and isinstance(made.parsed, ArticleReply), made
article = made.parsed
assert made.headers["location"] == f"/v1/articles/{article.id}"
assert made.headers["etag"] == '"1"'

read = show_article.sync(article.id, client=client)
assert isinstance(read, ArticleReply) and read.title == "Tides" and read.status == StatusWord.DRAFT, read
assert read.created_at.tzinfo is not None

page = list_articles.sync(client=client, limit=5, filterstatus=StatusWord.DRAFT)
assert [item.id for item in page.data] == [article.id], page
assert page.next_cursor is None

changed = change_article.sync(article.id, client=client, body=ArticlePatchBody(title="Tides, again"), if_match='"1"')
assert isinstance(changed, ArticleReply) and changed.revision == 2, changed

late = change_article.sync_detailed(article.id, client=client, body=ArticlePatchBody(title="Late"), if_match='"1"')
assert late.status_code == 412 and isinstance(late.parsed, Problem), late
assert late.parsed.code == "revision_mismatch" and late.parsed.current_revision == 2, late.parsed

wrong = create_article.sync(client=client, body=NewArticleBody(title=""))
assert isinstance(wrong, Problem) and wrong.errors[0].pointer == "/title", wrong

stranger = AuthenticatedClient(base_url=URL, token="nonsense")
refused = show_article.sync(article.id, client=stranger)
assert isinstance(refused, Problem) and refused.status == 401, refused

gone = delete_article.sync_detailed(article.id, client=client, if_match='"2"')
assert gone.status_code == 204, gone
missing = show_article.sync(article.id, client=client)
assert isinstance(missing, Problem) and missing.code == "not_found", missing

print("all steps passed")
