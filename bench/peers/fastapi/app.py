"""The peer of the content API: articles with FastAPI, SQLAlchemy and SQLite, as their documentation shows it.

The same work as Inkstone's: an EdDSA token is checked for each request, an article has the same fields, creation
writes an article and its first revision in one transaction. SQLite in WAL with synchronous=NORMAL, which is the
usual advice and does not wait for the disk. Takes INKSTONE_JWKS (a file) and PEER_DATABASE (a file).
"""

import json
import os
import uuid
from datetime import UTC, datetime

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

with open(os.environ["INKSTONE_JWKS"], encoding="utf-8") as file:
    KEYS = {key["kid"]: jwt.PyJWK(key) for key in json.load(file)["keys"]}

engine = create_engine(f"sqlite:///{os.environ['PEER_DATABASE']}", connect_args={"timeout": 30})


@event.listens_for(engine, "connect")
def set_pragmas(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"
    id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(index=True)
    owner: Mapped[str] = mapped_column(index=True)
    slug: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    body: Mapped[str]
    tags: Mapped[list] = mapped_column(JSON)
    language: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]


class Revision(Base):
    __tablename__ = "revision"
    article: Mapped[str] = mapped_column(ForeignKey("article.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]


class NewArticle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    body: str = ""
    summary: str = ""
    tags: list[str] = []
    language: str = "en"


class ArticleItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: str
    project: str
    owner: str
    slug: str
    title: str
    summary: str
    tags: list[str]
    language: str
    status: str
    revision: int
    created_at: datetime
    updated_at: datetime


class ArticleReply(ArticleItem):
    body: str


class ArticleList(BaseModel):
    data: list[ArticleItem]
    next_cursor: str | None


app = FastAPI()
bearer = HTTPBearer()


def user(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> str:
    try:
        kid = jwt.get_unverified_header(credentials.credentials)["kid"]
        claims = jwt.decode(credentials.credentials, KEYS[kid], algorithms=["EdDSA"], options={"verify_aud": False})
    except (jwt.InvalidTokenError, KeyError) as error:
        raise HTTPException(401, "no valid token") from error
    return claims["sub"]


def session():
    with Session(engine) as opened:
        yield opened


@app.get("/ready")
def ready() -> None:
    return None


@app.get("/v1/articles/{id}", response_model=ArticleReply)
def show_article(id: str, db: Session = Depends(session), owner: str = Depends(user)):
    article = db.get(Article, id)
    if article is None or article.owner != owner:
        raise HTTPException(404, "there is no such article")
    return article


@app.get("/v1/articles", response_model=ArticleList)
def list_articles(
    limit: int = Query(20, ge=1, le=100),
    cursor: str | None = None,
    db: Session = Depends(session),
    owner: str = Depends(user),
):
    wanted = select(Article).where(Article.owner == owner).order_by(Article.id.desc()).limit(limit + 1)
    if cursor is not None:
        wanted = wanted.where(Article.id < cursor)
    found = list(db.scalars(wanted))
    more = len(found) > limit
    return {"data": found[:limit], "next_cursor": found[limit - 1].id if more else None}


@app.post("/v1/articles", response_model=ArticleReply, status_code=201)
def create_article(new: NewArticle, db: Session = Depends(session), owner: str = Depends(user)):
    now = datetime.now(UTC)
    # Sorts by its time, as the ids of the engine do.
    name = f"{int(now.timestamp() * 1000):012x}{uuid.uuid4().hex[:20]}"
    article = Article(
        id=name,
        project="default",
        owner=owner,
        slug=name,
        status="draft",
        revision=1,
        created_at=now,
        updated_at=now,
        **new.model_dump(),
    )
    db.add(article)
    db.flush()
    db.add(Revision(article=name, number=1, author=owner, title=new.title, body=new.body, created_at=now))
    db.commit()
    return article


Base.metadata.create_all(engine)
