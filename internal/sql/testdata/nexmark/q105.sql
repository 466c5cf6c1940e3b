-- static: auction
-- Without the ORDER BY and LIMIT 1000 of the suite, which cut nothing.
SELECT a.id AS auction_id, a.item_name AS auction_item_name, count(*) AS bid_count
FROM bid b JOIN auction a ON b.auction = a.id
GROUP BY a.id, a.item_name
