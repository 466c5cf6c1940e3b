-- static: bid
-- Auctions are the stream, bids a static table.
SELECT a.id AS auction_id, a.item_name AS auction_item_name, max(b.price) AS current_highest_bid
FROM auction a LEFT JOIN bid b ON a.id = b.auction
GROUP BY a.id, a.item_name
