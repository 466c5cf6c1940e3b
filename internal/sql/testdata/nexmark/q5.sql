-- refused: HOP
SELECT auction, count(*) AS num FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND) GROUP BY auction, window_start
