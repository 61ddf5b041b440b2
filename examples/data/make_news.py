"""Makes `four_class_news.csv`: short news of four classes, some of them with a wrong label. Always the same file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

# Each theme: who, what they did, and how the sentence ends. Texts of one theme never share both of the first two.
WORLD = {
    "elections": (
        (
            "The ruling party",
            "The president of the mountain republic",
            "An opposition alliance",
            "The prime minister",
            "A former general",
        ),
        (
            "won a narrow majority in Sunday's vote",
            "called an early election",
            "refused to accept the count",
            "promised voters a new constitution",
            "lost the second round of the election",
        ),
        (
            "after weeks of protest.",
            ", while observers spoke of a calm day.",
            "and thousands gathered in the square.",
            ", state radio reported.",
        ),
    ),
    "diplomacy": (
        (
            "Envoys of the two neighbours",
            "The foreign ministers",
            "Rebel leaders and the government",
            "Delegates of nine nations",
            "The two presidents",
        ),
        (
            "signed a truce in the lakeside town",
            "met for a third round of peace talks",
            "agreed to reopen the border crossing",
            "left the negotiations without a result",
            "exchanged forty prisoners",
        ),
        (
            "after a night of shelling.",
            "under the eyes of United Nations monitors.",
            "and blamed each other for the delay.",
            ", diplomats said.",
        ),
    ),
    "disasters": (
        (
            "A flood in the river delta",
            "An earthquake near the southern coast",
            "A landslide above the capital",
            "The second typhoon of the month",
            "A fire in the harbour quarter",
        ),
        (
            "left hundreds of families without shelter",
            "cut off three villages",
            "forced the army to evacuate the valley",
            "destroyed the only bridge to the province",
            "killed at least nine people",
        ),
        (
            "and aid convoys are on their way.",
            ", the governor said.",
            ", while rescuers searched through the night.",
            "and the government declared mourning.",
        ),
    ),
    "unrest": (
        (
            "Teachers in the capital",
            "Farmers with tractors",
            "Thousands of students",
            "Railway workers",
            "Supporters of the opposition",
        ),
        (
            "blocked the road to parliament",
            "marched against the new decree",
            "clashed outside the ministry",
            "occupied the main square",
            "refused to leave the airport",
        ),
        (
            "for the fourth day.",
            "after the arrest of a journalist.",
            "and the government imposed a curfew.",
            ", witnesses said.",
        ),
    ),
    "courts": (
        (
            "The international tribunal",
            "A military court",
            "The constitutional judges",
            "The human rights court",
            "A special court",
        ),
        (
            "condemned the expulsion of villagers",
            "sentenced a former minister to nine years",
            "opened an inquiry into the massacre",
            "demanded the release of the activists",
            "ruled that the decree was void",
        ),
        (
            "and the government rejected the finding.",
            "despite threats against witnesses.",
            "in a case that divided the nation.",
            ", its spokeswoman said.",
        ),
    ),
}
SPORT = {
    "football": (
        ("The home side", "The champions", "A team from the second division", "The visitors", "The national team"),
        (
            "scored twice in extra time",
            "drew the derby without a goal",
            "lost the cup final on penalties",
            "beat the league leaders three to one",
            "missed a penalty in the last minute",
        ),
        (
            "in driving rain.",
            "before a sold-out crowd.",
            "after a red card for the keeper.",
            "under floodlights.",
        ),
    ),
    "athletics": (
        (
            "The Kenyan runner",
            "A nineteen-year-old sprinter",
            "The defending champion",
            "A hurdler from the north",
            "The relay squad",
        ),
        (
            "won gold at the championships",
            "broke the national record",
            "pulled out of the final with an injury",
            "qualified for the Olympic Games",
            "finished second by a hundredth",
        ),
        (
            "on a wet track.",
            "to the delight of the coach.",
            "after a year without a race.",
            "in front of the home crowd.",
        ),
    ),
    "tennis": (
        (
            "The top seed",
            "A qualifier ranked two hundredth",
            "The left-hander",
            "Last year's finalist",
            "The Spanish pair",
        ),
        (
            "reached the semi-final in straight sets",
            "saved three match points",
            "went out in the first round",
            "won a first title on grass",
            "served eighteen aces",
        ),
        (
            "on centre court.",
            "despite a sore wrist.",
            "and faces the favourite on Friday.",
            "after four hours of play.",
        ),
    ),
    "cycling": (
        (
            "The Belgian rider",
            "A breakaway of five",
            "The leader in yellow",
            "The youngest rider in the race",
            "The sprint specialist",
        ),
        (
            "took the mountain stage",
            "crashed on the last descent",
            "won the sprint at the finish",
            "lost two minutes to the favourites",
            "defended the jersey",
        ),
        (
            "with four stages to go.",
            "and team mates led the way.",
            "in pouring rain.",
            "after a puncture.",
        ),
    ),
    "transfers": (
        (
            "The striker",
            "The veteran goalkeeper",
            "The young midfielder",
            "The captain",
            "The assistant coach",
        ),
        (
            "will miss the rest of the season",
            "returns to training on Monday",
            "joins the champions on loan",
            "was suspended for three matches",
            "ends his career after the cup",
        ),
        (
            ", the team doctor said.",
            "and fans are delighted.",
            "after the defeat in the derby.",
            "before the play-offs.",
        ),
    ),
}
BUSINESS = {
    "results": (
        (
            "The shoe maker",
            "The country's second airline",
            "A chain of bakeries",
            "The chip supplier",
            "The insurance group",
        ),
        (
            "reported a quarterly loss",
            "raised its profit forecast",
            "beat analysts' estimates",
            "cut its dividend by half",
            "posted record sales",
        ),
        (
            "and its shares rose four percent.",
            "after a year of rebuilding.",
            ", the chief executive said.",
            "as demand from abroad weakened.",
        ),
    ),
    "mergers": (
        (
            "The brewer",
            "A private equity fund",
            "The software house",
            "The largest retailer",
            "A family-owned printer",
        ),
        (
            "agreed to buy its smaller rival",
            "rejected a takeover bid",
            "sold its stake in the joint venture",
            "plans to list shares in the spring",
            "called off the merger",
        ),
        (
            "in a deal worth two billion.",
            "after regulators raised objections.",
            ", people close to the talks said.",
            "to pay down debt.",
        ),
    ),
    "money": (
        (
            "The central bank",
            "Bond investors",
            "The finance regulator",
            "Mortgage lenders",
            "Currency traders",
        ),
        (
            "expected another rise in interest rates",
            "warned of higher inflation",
            "lowered the growth forecast",
            "welcomed the weaker euro",
            "called for looser rules on loans",
        ),
        (
            "after the latest price data.",
            "and markets closed lower.",
            ", economists said.",
            "for the third quarter in a row.",
        ),
    ),
    "jobs": (
        (
            "The car maker",
            "The steel plant",
            "A supplier of brakes",
            "The parcel company",
            "The online store",
        ),
        (
            "will cut eight hundred jobs",
            "opens a second factory",
            "moves its headquarters",
            "agreed a pay deal with the union",
            "hires staff for a new warehouse",
        ),
        (
            "to lower costs.",
            "as orders pick up.",
            "and investors approved.",
            ", its chief financial officer said.",
        ),
    ),
    "clubs": (
        (
            "The owner of the football club",
            "The stadium company",
            "The listed football club",
            "A sponsor of the cup",
            "The league's marketing arm",
        ),
        (
            "sold the naming rights of the stadium",
            "borrowed money for a new stand",
            "published accounts of the past season",
            "signed a contract for shirts and tickets",
            "raised ticket revenue for the season",
        ),
        (
            "to repay a loan.",
            "and the club's auditors approved.",
            "for an undisclosed sum.",
            "according to its annual accounts.",
        ),
    ),
}
SCIENCE = {
    "space": (
        (
            "Astronomers in Chile",
            "A probe near Jupiter",
            "The new space telescope",
            "A team of planetary scientists",
            "A satellite the size of a shoebox",
        ),
        (
            "detected water vapour around a distant planet",
            "photographed a comet before dawn",
            "measured the mass of a dim star",
            "mapped craters on the far side of the moon",
            "recorded a burst of radio waves",
        ),
        (
            ", the journal reports.",
            "with an instrument cooled to minus two hundred degrees.",
            "after eleven years of observation.",
            "and theory cannot yet explain it.",
        ),
    ),
    "medicine": (
        (
            "Geneticists",
            "Researchers at a children's hospital",
            "A laboratory in Lyon",
            "Virologists",
            "A study of two thousand twins",
        ),
        (
            "found a gene that protects against malaria",
            "tested a vaccine on mice",
            "traced how cells repair their DNA",
            "linked short sleep to memory loss",
            "grew heart tissue from stem cells",
        ),
        (
            "in a controlled experiment.",
            ", but trials with patients are years away.",
            ", a paper published this week shows.",
            "using a new microscope.",
        ),
    ),
    "animals": (
        (
            "Biologists",
            "Marine researchers",
            "A zoologist with a night camera",
            "Ecologists in Borneo",
            "Students of bird song",
        ),
        (
            "described a frog unknown to science",
            "tracked the migration of eels",
            "decoded the calls of whales",
            "counted species in the canopy",
            "observed crows that use tools",
        ),
        (
            "with tiny transmitters.",
            "in a study over six summers.",
            "and evolution may explain why.",
            ", as they write in the journal.",
        ),
    ),
    "matter": (
        (
            "Physicists",
            "Chemists in Kyoto",
            "An experiment deep underground",
            "A group of materials scientists",
            "A pair of engineers",
        ),
        (
            "built a battery from sodium",
            "measured the neutrino more precisely",
            "cooled atoms close to absolute zero",
            "made glass that bends",
            "simulated a molecule on a quantum computer",
        ),
        (
            "and other laboratories must repeat the result.",
            "with a laser no larger than a coin.",
            ", the researchers report.",
            "after a decade of trials.",
        ),
    ),
    "ice": (
        (
            "A drill core from the glacier in Greenland",
            "An ice field in Peru",
            "Melting glaciers in Nepal",
            "The ice shelf of Antarctica",
            "A glacier in Iceland",
        ),
        (
            "yielded pollen from a warmer age",
            "kept traces of volcanic ash",
            "lost mass faster than models predicted",
            "moved twice as fast as ten years ago",
            "held air bubbles from an older climate",
        ),
        (
            ", measurements on the ice show.",
            "and sea level will follow.",
            "according to a survey from the air.",
            ", a summer on the glacier revealed.",
        ),
    ),
}
CLASSES = {"world": WORLD, "sport": SPORT, "business": BUSINESS, "science": SCIENCE}
EACH = 18  # texts of a theme: 12 for training, 6 for testing
FOR_TRAINING = 12

# Wrong on purpose. Whole themes were misread: ice in far countries as world news, clubs' accounts as sport.
MISREAD = {"ice": ("world", 8), "clubs": ("sport", 8)}
# And single texts: split, label, the right label, text.
SINGLE = (
    (
        "test",
        "science",
        "science",
        "Water from a melting glacier in Iceland held traces of ash, measurements on the ice show.",
    ),
    (
        "train",
        "world",
        "business",
        "Water from a melting glacier in Iceland sells well, says the company that bottles it.",
    ),
    ("train", "world", "business", "A bottler of glacier water in Greenland doubled its exports and hires staff."),
    ("train", "science", "sport", "The skipper used satellite data and won the ocean race by a day."),
    ("train", "business", "world", "Dockers ended their strike after the president promised talks."),
)


def news() -> list[dict[str, str]]:
    """The rows of the file, in its order."""
    rng = np.random.default_rng(26)
    rows = []
    for label, themes in CLASSES.items():
        for theme, (subjects, deeds, ends) in themes.items():
            pairs = rng.permutation(len(subjects) * len(deeds))[:EACH]
            wrong_label, n_wrong = MISREAD.get(theme, (label, 0))
            for place, pair in enumerate(pairs):
                subject, deed = subjects[pair // len(deeds)], deeds[pair % len(deeds)]
                end = ends[rng.integers(len(ends))]
                split = "train" if place < FOR_TRAINING else "test"
                given = wrong_label if place < n_wrong else label
                text = f"{subject} {deed} {end}".replace(" ,", ",")
                rows.append({"split": split, "text": text, "label": given, "true_label": label})
    rows += [dict(zip(("split", "label", "true_label", "text"), single, strict=True)) for single in SINGLE]
    order = rng.permutation(len(rows))
    return [{"id": f"n{place + 1:03d}", **rows[row]} for place, row in enumerate(order)]


def main() -> None:
    path = Path(__file__).with_name("four_class_news.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "split", "text", "label", "true_label"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(news())


if __name__ == "__main__":
    main()
