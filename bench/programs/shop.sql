-- A small shop in memory: inserts, an index, joins, an update, deletes. AMOUNT is replaced by the driver.
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE bill(id INTEGER PRIMARY KEY, customer INTEGER, what TEXT, cents INTEGER);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < AMOUNT / 10)
INSERT INTO customer SELECT i, 'customer ' || i, 'city ' || (i * 7919 % 97) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < AMOUNT)
INSERT INTO bill SELECT i, i * 7907 % (AMOUNT / 10) + 1, printf('%.*c', i * 31 % 90 + 5, 'x'), i * 7901 % 10000 FROM n;
COMMIT;
CREATE INDEX bill_customer ON bill(customer, cents);
SELECT count(*), sum(n) FROM (SELECT city, count(*) AS n, group_concat(what) AS all_of_it
    FROM bill JOIN customer ON customer.id = bill.customer GROUP BY city);
UPDATE bill SET what = what || ' paid' WHERE cents % 3 = 0;
DELETE FROM bill WHERE cents % 5 = 0;
SELECT count(*), sum(length(what)) FROM bill;
SELECT what FROM bill ORDER BY what, cents LIMIT 1;
