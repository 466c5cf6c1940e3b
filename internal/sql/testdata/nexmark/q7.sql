-- refused: join
SELECT b.auction, b.price, b.bidder, b.date_time
FROM bid b
JOIN (SELECT max(price) AS price, window_end FROM TUMBLE(bid, date_time, INTERVAL '10' SECOND) GROUP BY window_start) m
  ON b.price = m.price
WHERE b.date_time BETWEEN m.window_end - INTERVAL '10' SECOND AND m.window_end
