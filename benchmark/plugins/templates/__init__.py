"""Files that `wvad method new` writes under another name: they run, and are linted and tested, as they are."""
