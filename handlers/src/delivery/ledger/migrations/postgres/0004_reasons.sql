-- Why an attempt ended as it did, in words: no content, no path, no query.
ALTER TABLE attempts ADD COLUMN reason TEXT;
