//! The suite of [`EngineBus`].

use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{EngineBus, Heard, News, NewsFeed};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// What was told before a subscription stands is lost, so it is told again.
const AGAIN: Duration = Duration::from_millis(50);

/// Two engines' ends of one bus.
pub async fn run(one: &dyn EngineBus, other: &dyn EngineBus) {
    all_news_arrive_as_they_were_told(one, other).await;
    nobody_hears_themselves(one, other).await;
}

async fn all_news_arrive_as_they_were_told(one: &dyn EngineBus, other: &dyn EngineBus) {
    let mut feed = other.listen();
    connect(one, &mut feed).await;
    let news = [
        News::Events,
        News::Keys,
        News::Allowances,
        News::Member {
            user: UserId::new(),
            project: "handbook".to_owned(),
        },
        News::Lexicon {
            project: "hand\"buch ü".to_owned(),
        },
        News::SessionEnded {
            session: SessionId::new(),
        },
    ];
    for told in &news {
        one.tell(told.clone());
    }
    for told in news {
        assert_eq!(next(&mut feed).await, told);
    }
}

async fn nobody_hears_themselves(one: &dyn EngineBus, other: &dyn EngineBus) {
    let (mut of_one, mut of_other) = (one.listen(), other.listen());
    connect(one, &mut of_other).await;
    connect(other, &mut of_one).await;
    one.tell(News::Keys);
    other.tell(News::Allowances);
    assert_eq!(next(&mut of_one).await, News::Allowances);
    assert_eq!(next(&mut of_other).await, News::Keys);
}

/// Until what this one tells is heard.
async fn connect(teller: &dyn EngineBus, feed: &mut NewsFeed) {
    let heard = async {
        loop {
            teller.tell(News::Jobs);
            if let Ok(Some(Heard::News(News::Jobs))) = timeout(AGAIN, feed.next()).await {
                return;
            }
        }
    };
    timeout(PATIENCE, heard).await.expect("nothing is heard");
}

/// The next that is not of [`connect`].
async fn next(feed: &mut NewsFeed) -> News {
    let found = async {
        loop {
            match feed.next().await.expect("the bus has ended") {
                Heard::News(News::Jobs) | Heard::Gap => {}
                Heard::News(news) => return news,
            }
        }
    };
    timeout(PATIENCE, found).await.expect("nothing is heard")
}
