-- The auctions with the most bids of a window: the counts of all windows that end together come together in a window as
-- long as the slide, with the greatest of them.
SELECT a.auction, a.num
FROM (
  SELECT window_start, max(num) AS most, array_agg(STRUCT(auction, num)) AS auctions
  FROM TUMBLE((
    SELECT auction, window_time, count(*) AS num
    FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND)
    GROUP BY auction, window_start, window_time), window_time, INTERVAL '2' SECOND)
  GROUP BY window_start
) w CROSS JOIN UNNEST(auctions) AS a
WHERE a.num = most
