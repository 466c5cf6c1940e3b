-- refused: sub-select
SELECT a.id, a.item_name, count(*) AS bid_count FROM auction a
GROUP BY a.id, a.item_name HAVING count(*) >= (SELECT count(*) / count(DISTINCT auction) FROM bid)
