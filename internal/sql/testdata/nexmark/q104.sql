-- static: bid
-- NOT IN as a left join: no bids, or as many as the sub-select leaves out.
SELECT a.id AS auction_id, a.item_name AS auction_item_name
FROM auction a LEFT JOIN bid b ON a.id = b.auction
GROUP BY a.id, a.item_name HAVING count(b.auction) = 0 OR count(b.auction) >= 20
