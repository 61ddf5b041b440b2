"""Files written whole or not at all, files of blocks, texts from files, and pages of HTML."""
