-- static: auction
SELECT a.id AS auction_id, a.item_name AS auction_item_name
FROM bid b JOIN auction a ON b.auction = a.id
GROUP BY a.id, a.item_name HAVING count(*) >= 20
