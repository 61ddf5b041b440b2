"""What `test_start_up.py` runs in fresh processes: from texts to one verified flip set."""

from __future__ import annotations

import sys

import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer

import relabel_widget as rw

frame = pd.read_csv(sys.argv[1], keep_default_na=False)
train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
counts = CountVectorizer(min_df=2)
fit = rw.fit(counts.fit_transform(train["text"]), train["label"].to_numpy())
found = rw.find_flip_set(fit, counts.transform(test["text"].iloc[:1]))
assert found.verified
